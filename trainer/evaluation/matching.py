"""Which detection found which object, as COCO matches them at one overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.detections import Float32Array, Int64Array
from trainer.evaluation.average_precision import EvaluatedImage

NOTHING = -1
MAX_DETECTIONS = 100  # detections of an image and class that count, the surest ones


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The detections of an image, the surest first, and what became of them.

    rows: (n,) int64, of the detections; found: (n,) int64, row of the object, or NOTHING
    ignored: (n,) bool, neither right nor wrong
    """

    rows: Int64Array
    found: Int64Array
    ignored: NDArray[np.bool_]


def match(image: EvaluatedImage, overlap: float, *, any_class: bool = False) -> Matches:
    """Return which object each detection of an image finds at an IoU of at least `overlap`.

    The surest detection chooses first, the object that it overlaps most of those that are left; of
    its class, unless `any_class`. What finds none is ignored if as much of it lies in a region to
    ignore.
    """
    detections = image.detections
    order = np.argsort(-detections.scores, kind="stable")
    kept = order[_rank_in_class(detections.class_ids[order]) < MAX_DETECTIONS]
    boxes, class_ids = detections.boxes_xyxy[kept], detections.class_ids[kept]
    overlaps = iou(boxes, image.boxes_xyxy)
    if not any_class:
        overlaps[class_ids[:, None] != image.class_ids] = -1
    return Matches(
        kept, _chosen(overlaps, overlap), _ignored(boxes, class_ids, image, overlap, any_class)
    )


def _rank_in_class(class_ids: Int64Array) -> Int64Array:
    """Return how many of the same class stand before each."""
    ranks = np.zeros(len(class_ids), np.int64)
    for class_id in np.unique(class_ids):
        mine = class_ids == class_id
        ranks[mine] = np.arange(mine.sum())
    return ranks


def _chosen(overlaps: Float32Array, least: float) -> Int64Array:
    found = np.full(len(overlaps), NOTHING, np.int64)
    if not overlaps.shape[1]:
        return found
    for row in np.flatnonzero(overlaps.max(axis=1) >= least):
        best = int(overlaps[row].argmax())
        if overlaps[row, best] >= least:
            found[row] = best
            overlaps[:, best] = -1
    return found


def _ignored(
    boxes: Float32Array, class_ids: Int64Array, image: EvaluatedImage, least: float, any_class: bool
) -> NDArray[np.bool_]:
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    inside = shared(boxes, image.ignore_xyxy) >= least * area[:, None]
    if image.ignore_class_ids is not None and not any_class:
        inside &= class_ids[:, None] == image.ignore_class_ids
    ignored: NDArray[np.bool_] = inside.any(axis=1)
    return ignored


def iou(one_xyxy: Float32Array, other_xyxy: Float32Array) -> Float32Array:
    """Return the IoU of each of (n, 4) boxes with each of (m, 4): (n, m)."""
    area, other_area = (
        (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one_xyxy, other_xyxy)
    )
    both = shared(one_xyxy, other_xyxy)
    overlap: Float32Array = both / np.maximum(area[:, None] + other_area - both, 1e-9)
    return overlap


def shared(one_xyxy: Float32Array, other_xyxy: Float32Array) -> Float32Array:
    """Return the area that each of (n, 4) boxes shares with each of (m, 4): (n, m)."""
    low = np.maximum(one_xyxy[:, None, :2], other_xyxy[None, :, :2])
    high = np.minimum(one_xyxy[:, None, 2:], other_xyxy[None, :, 2:])
    area: Float32Array = (high - low).clip(0).prod(axis=2)
    return area
