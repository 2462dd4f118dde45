"""Overlap of boxes, pairwise."""

from __future__ import annotations

import numpy as np

from detector.detections import Float32Array


def iou(one_xyxy: Float32Array, other_xyxy: Float32Array) -> Float32Array:
    """Return the IoU of (n, 4) and (m, 4) boxes, pairwise: (n, m)."""
    area, other_area = (
        (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one_xyxy, other_xyxy)
    )
    common = intersection(one_xyxy, other_xyxy)
    overlap: Float32Array = common / np.maximum(area[:, None] + other_area - common, 1e-9)
    return overlap


def intersection(one_xyxy: Float32Array, other_xyxy: Float32Array) -> Float32Array:
    """Return the area of intersection of (n, 4) and (m, 4) boxes, pairwise: (n, m)."""
    low = np.maximum(one_xyxy[:, None, :2], other_xyxy[None, :, :2])
    high = np.minimum(one_xyxy[:, None, 2:], other_xyxy[None, :, 2:])
    area: Float32Array = (high - low).clip(0).prod(axis=2)
    return area
