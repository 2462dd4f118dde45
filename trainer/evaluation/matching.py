"""Matching of detections to objects at one IoU, as COCO does it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.detections import Float32Array, Int64Array, intersection, iou
from trainer.evaluation.average_precision import EvaluatedImage

NO_MATCH = -1
MAX_DETECTIONS = 100  # per image and class, those with the highest confidence


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The detections of an image, highest confidence first, and their matches.

    rows: (n,) int64, rows of the detections
    found: (n,) int64, row of the matched object, or NO_MATCH
    ignored: (n,) bool, in a region to ignore
    """

    rows: Int64Array
    found: Int64Array
    ignored: NDArray[np.bool_]


def match(image: EvaluatedImage, min_iou: float, *, any_class: bool = False) -> Matches:
    """Return which object each detection of an image matches at an IoU of at least `min_iou`.

    In order of falling confidence, a detection takes the free object with the highest IoU, of its
    own class unless `any_class`. A detection is ignored if at least the fraction `min_iou` of its
    area lies in a region to ignore.
    """
    detections = image.detections
    order = np.argsort(-detections.scores, kind="stable")
    rows = order[_rank_in_class(detections.class_ids[order]) < MAX_DETECTIONS]
    boxes, class_ids = detections.boxes_xyxy[rows], detections.class_ids[rows]
    overlaps = iou(boxes, image.boxes_xyxy)
    if not any_class:
        overlaps[class_ids[:, None] != image.class_ids] = -1
    return Matches(
        rows, _best(overlaps, min_iou), _ignored(boxes, class_ids, image, min_iou, any_class)
    )


def _rank_in_class(class_ids: Int64Array) -> Int64Array:
    """Return the number of earlier detections of the same class, for each."""
    ranks = np.zeros(len(class_ids), np.int64)
    for class_id in np.unique(class_ids):
        same = class_ids == class_id
        ranks[same] = np.arange(same.sum())
    return ranks


def _best(overlaps: Float32Array, min_iou: float) -> Int64Array:
    found = np.full(len(overlaps), NO_MATCH, np.int64)
    if not overlaps.shape[1]:
        return found
    for row in np.flatnonzero(overlaps.max(axis=1) >= min_iou):
        best = int(overlaps[row].argmax())
        if overlaps[row, best] >= min_iou:
            found[row] = best
            overlaps[:, best] = -1
    return found


def _ignored(
    boxes: Float32Array,
    class_ids: Int64Array,
    image: EvaluatedImage,
    min_iou: float,
    any_class: bool,
) -> NDArray[np.bool_]:
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    inside = intersection(boxes, image.ignore_xyxy) >= min_iou * area[:, None]
    if image.ignore_class_ids is not None and not any_class:
        inside &= class_ids[:, None] == image.ignore_class_ids
    ignored: NDArray[np.bool_] = inside.any(axis=1)
    return ignored
