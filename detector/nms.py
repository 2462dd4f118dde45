"""Non-maximum suppression: from many candidate boxes, the best one per object."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Float32Array, Int64Array


def suppress(
    boxes_xyxy: Float32Array,
    scores: Float32Array,
    *,
    confidence: float = 0.25,
    iou: float = 0.45,
    classes: Collection[int] | None = None,
    agnostic: bool = False,
    max_detections: int = 300,
) -> Detections:
    """Return the objects among (k, 4) candidate boxes and their (k, c) class scores, best first.

    A row has its best class, and is used only if that scores above `confidence` and is one of
    `classes` (None: any). A box is suppressed by a better one of its class (`agnostic`: of any
    class) that it overlaps by more than `iou`; of equal scores the earlier row is better. Boxes
    stay in their pixels; empty, inverted and non-finite boxes are left out.
    """
    best = scores.max(axis=1)
    rows = np.flatnonzero(best > confidence)  # few rows: the code below holds the GIL
    if not len(rows):
        return Detections.empty()
    class_ids = scores[rows].argmax(axis=1).astype(np.int64, copy=False)
    candidates = Detections(boxes_xyxy[rows], best[rows], class_ids)
    chosen = _have_area(candidates.boxes_xyxy)
    if classes is not None:
        chosen &= np.isin(class_ids, list(classes))
    candidates = candidates[chosen]
    groups = np.zeros_like(candidates.class_ids) if agnostic else candidates.class_ids
    return candidates[_unsuppressed(candidates, groups, iou)[:max_detections]]


def _have_area(boxes_xyxy: Float32Array) -> NDArray[np.bool_]:
    ordered = (boxes_xyxy[:, :2] < boxes_xyxy[:, 2:]).all(axis=1)
    return np.logical_and(ordered, np.isfinite(boxes_xyxy).all(axis=1))


def _unsuppressed(candidates: Detections, groups: Int64Array, iou: float) -> Int64Array:
    """Return the indices of the boxes that no other of their group suppresses, best first."""
    if not len(candidates):
        return np.zeros(0, np.int64)
    # OpenCV separates groups by shifting each along the diagonal by the largest coordinate: boxes
    # with negative coordinates would reach into the group before. In float64 shifts are exact.
    corners = candidates.boxes_xyxy.astype(np.float64)
    corners -= corners.min()
    boxes_xywh = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    scores, any_score = candidates.scores.tolist(), float("-inf")
    indices = cv2.dnn.NMSBoxesBatched(boxes_xywh.tolist(), scores, groups.tolist(), any_score, iou)
    return np.asarray(indices, np.int64)
