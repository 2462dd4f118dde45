"""Average precision as COCO defines it, per class and per clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from detector.detections import Detections, Float32Array, Int64Array

METRICS = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar")


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedImage:
    """The detections in an image, and its ground truth.

    clip: the recording or folder that the image belongs to; size: height and width in pixels
    boxes_xyxy, class_ids: ground truth, (n, 4) float32 pixels and (n,) int64
    ignore_xyxy: (m, 4) float32 pixels, regions in which an unmatched detection is no error
    ignore_class_ids: (m,) int64, class that each region applies to; None: all classes
    areas: (n,) float32, area of each object in pixels; None: the area of its box
    """

    clip: str
    size: tuple[int, int]
    boxes_xyxy: Float32Array
    class_ids: Int64Array
    ignore_xyxy: Float32Array
    detections: Detections
    ignore_class_ids: Int64Array | None = None
    areas: Float32Array | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Average precision, 0..1, at IoU .50 to .95, at .50 and at .75, and the number of objects.

    None stands for what cannot be measured, because there are no objects.
    ap_small, ap_medium, ap_large: for objects up to 32 x 32 pixels, up to 96 x 96, and larger; None
    if there are none of that size
    ar: average recall over IoU .50 to .95, with 100 detections per image
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    objects: int
    ap_small: float | None = None
    ap_medium: float | None = None
    ap_large: float | None = None
    ar: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Scores by class name over all images, and per clip; only of classes that occur.

    class_names: all classes of the model
    """

    classes: dict[str, Score]
    clips: dict[str, dict[str, Score]]
    class_names: tuple[str, ...]

    @property
    def mean(self) -> Score:
        """The mean over classes."""
        return _mean(list(self.classes.values()))

    @property
    def numbers(self) -> dict[str, float]:
        """The means and the AP50 of each class, named as in manifests."""
        mean = asdict(self.mean)
        numbers = {name: mean[name] for name in METRICS if mean[name] is not None}
        by_class = {f"ap50/{name}": score.ap50 for name, score in self.classes.items()}
        return numbers | {name: value for name, value in by_class.items() if value is not None}


def score(evaluated: Sequence[EvaluatedImage], class_names: Sequence[str]) -> Report:
    """Return the average precision of detections, computed by the COCO API.

    A region to ignore counts as a crowd of its class, or of all classes: an unmatched detection in
    it is neither a true nor a false positive.
    """
    clips = sorted({image.clip for image in evaluated})
    return Report(
        classes=_per_class(evaluated, class_names),
        clips={
            clip: _per_class([image for image in evaluated if image.clip == clip], class_names)
            for clip in clips
        },
        class_names=tuple(class_names),
    )


def _per_class(evaluated: Sequence[EvaluatedImage], class_names: Sequence[str]) -> dict[str, Score]:
    truth = COCO(_ground_truth(evaluated, class_names))
    results = truth.loadRes(_results(evaluated))
    evaluation = COCOeval_faster(truth, results, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    # (IoU thresholds, recalls, classes, areas) and (IoU thresholds, classes), with at most 100
    # detections per image; -1 if there is no object
    precision = evaluation.eval["precision"][..., -1].mean(1)
    recall = evaluation.eval["recall"][:, :, 0, -1]
    objects = np.bincount(
        np.concatenate([image.class_ids for image in evaluated]), minlength=len(class_names)
    )
    return {
        name: Score(
            ap=float(precision[:, i, 0].mean()),
            ap50=float(precision[0, i, 0]),
            ap75=float(precision[5, i, 0]),
            objects=int(objects[i]),
            ap_small=_of_size(precision[:, i, 1]),
            ap_medium=_of_size(precision[:, i, 2]),
            ap_large=_of_size(precision[:, i, 3]),
            ar=float(recall[:, i].mean()),
        )
        for i, name in enumerate(class_names)
        if objects[i]
    }


def _of_size(precision: NDArray[np.float64]) -> float | None:
    return float(precision.mean()) if precision[0] >= 0 else None


def _mean(scores: Sequence[Score]) -> Score:
    """Return the mean of each metric over the scores that have it."""
    known = {
        name: [value for score in scores if (value := getattr(score, name)) is not None]
        for name in METRICS
    }
    means = {name: sum(values) / len(values) for name, values in known.items() if values}
    none = dict.fromkeys(METRICS)
    return Score(**(none | means), objects=sum(score.objects for score in scores))


def _ground_truth(
    evaluated: Sequence[EvaluatedImage], class_names: Sequence[str]
) -> dict[str, Any]:
    """Return the labels in COCO's JSON structure; ids count from 1."""
    boxes = []
    for image_id, image in enumerate(evaluated, 1):
        for row, (box, class_id) in enumerate(zip(image.boxes_xyxy, image.class_ids, strict=True)):
            annotation = _annotation(image_id, int(class_id), box, crowd=False)
            if image.areas is not None:
                annotation["area"] = float(image.areas[row])
            boxes.append(annotation)
        for row, box in enumerate(image.ignore_xyxy):
            of = image.ignore_class_ids
            for class_id in range(len(class_names)) if of is None else [int(of[row])]:
                boxes.append(_annotation(image_id, class_id, box, crowd=True))
    return {
        "images": [
            {"id": image_id, "height": image.size[0], "width": image.size[1]}
            for image_id, image in enumerate(evaluated, 1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(class_names)],
        "annotations": [box | {"id": number} for number, box in enumerate(boxes, 1)],
    }


def _annotation(image_id: int, class_id: int, box: Float32Array, *, crowd: bool) -> dict[str, Any]:
    left, top, right, bottom = box.tolist()
    return {
        "image_id": image_id,
        "category_id": class_id,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": int(crowd),
    }


def _results(evaluated: Sequence[EvaluatedImage]) -> list[dict[str, Any]]:
    """Return the detections in COCO's result format."""
    results = []
    for image_id, image in enumerate(evaluated, 1):
        found = image.detections
        sizes = found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]
        for xywh, score_, class_id in zip(
            np.hstack([found.boxes_xyxy[:, :2], sizes]).tolist(),
            found.scores.tolist(),
            found.class_ids.tolist(),
            strict=True,
        ):
            results.append(
                {"image_id": image_id, "category_id": class_id, "bbox": xywh, "score": score_}
            )
    return results
