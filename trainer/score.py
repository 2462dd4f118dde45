"""How good detections are: average precision as COCO defines it, per class and per clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from detector.detections import Detections, Float32Array, Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One picture's detections beside what is there.

    clip: the recording or folder that the picture belongs to; size: height and width in pixels
    boxes_xyxy, class_ids: (n, 4) float32 pixels and (n,) int64, the ground truth
    ignore_xyxy: (m, 4) float32 pixels, regions where an unmatched detection is no mistake
    """

    clip: str
    size: tuple[int, int]
    boxes_xyxy: Float32Array
    class_ids: Int64Array
    ignore_xyxy: Float32Array
    detections: Detections


@dataclass(frozen=True, slots=True)
class Score:
    """Average precision, 0..1: over IoU .50 to .95, at .50 and at .75; `objects` are labelled."""

    ap: float
    ap50: float
    ap75: float
    objects: int


@dataclass(frozen=True, slots=True)
class Report:
    """Scores by class name, only of classes that occur: over all pictures, and per clip."""

    classes: dict[str, Score]
    clips: dict[str, dict[str, Score]]

    @property
    def mean(self) -> Score:
        """The mean over classes."""
        return _mean(list(self.classes.values()))

    @property
    def numbers(self) -> dict[str, float]:
        """The means, and the AP50 of each class, by the names they have in manifests."""
        mean = {"ap": self.mean.ap, "ap50": self.mean.ap50, "ap75": self.mean.ap75}
        return mean | {f"ap50/{name}": score.ap50 for name, score in self.classes.items()}


def score(judged: Sequence[Judged], class_names: Sequence[str]) -> Report:
    """Return the average precision of detections, by the COCO API.

    A region to ignore counts as a crowd of every class: a detection that finds no object of its
    own there is neither right nor wrong.
    """
    clips = sorted({picture.clip for picture in judged})
    return Report(
        classes=_per_class(judged, class_names),
        clips={
            clip: _per_class([picture for picture in judged if picture.clip == clip], class_names)
            for clip in clips
        },
    )


def _per_class(judged: Sequence[Judged], class_names: Sequence[str]) -> dict[str, Score]:
    truth = COCO(_ground_truth(judged, class_names))
    results = truth.loadRes(_results(judged))
    evaluation = COCOeval_faster(truth, results, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    # (IoU thresholds, recalls, classes), of all areas and at most 100 detections per picture
    precision = evaluation.eval["precision"][:, :, :, 0, -1].mean(1)
    objects = np.bincount(
        np.concatenate([picture.class_ids for picture in judged]), minlength=len(class_names)
    )
    return {
        name: Score(
            ap=float(precision[:, i].mean()),
            ap50=float(precision[0, i]),
            ap75=float(precision[5, i]),
            objects=int(objects[i]),
        )
        for i, name in enumerate(class_names)
        if objects[i]
    }


def _mean(scores: Sequence[Score]) -> Score:
    if not scores:
        return Score(0.0, 0.0, 0.0, 0)
    return Score(
        ap=sum(score.ap for score in scores) / len(scores),
        ap50=sum(score.ap50 for score in scores) / len(scores),
        ap75=sum(score.ap75 for score in scores) / len(scores),
        objects=sum(score.objects for score in scores),
    )


def _ground_truth(judged: Sequence[Judged], class_names: Sequence[str]) -> dict[str, Any]:
    """Return the labels as COCO JSON has them; ids count from 1."""
    boxes = []
    for image, picture in enumerate(judged, 1):
        for box, class_id in zip(picture.boxes_xyxy, picture.class_ids, strict=True):
            boxes.append(_annotation(image, int(class_id), box, crowd=False))
        for box in picture.ignore_xyxy:
            for class_id in range(len(class_names)):
                boxes.append(_annotation(image, class_id, box, crowd=True))
    return {
        "images": [
            {"id": image, "height": picture.size[0], "width": picture.size[1]}
            for image, picture in enumerate(judged, 1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(class_names)],
        "annotations": [box | {"id": number} for number, box in enumerate(boxes, 1)],
    }


def _annotation(image: int, class_id: int, box: Float32Array, *, crowd: bool) -> dict[str, Any]:
    left, top, right, bottom = box.tolist()
    return {
        "image_id": image,
        "category_id": class_id,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": int(crowd),
    }


def _results(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return the detections as COCO's result format has them."""
    results = []
    for image, picture in enumerate(judged, 1):
        found = picture.detections
        sizes = found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]
        for xywh, score_, class_id in zip(
            np.hstack([found.boxes_xyxy[:, :2], sizes]).tolist(),
            found.scores.tolist(),
            found.class_ids.tolist(),
            strict=True,
        ):
            results.append(
                {"image_id": image, "category_id": class_id, "bbox": xywh, "score": score_}
            )
    return results
