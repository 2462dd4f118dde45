"""The objects that a detector found in one image, as a struct of arrays; overlap of boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Detections:
    """The objects found in one image.

    boxes_xyxy: (n, 4) float32, left, top, right, bottom in source pixels
    scores: (n,) float32, objectness x class score, 0..1
    class_ids: (n,) int64, positions in the manifest's class list, from 0
    """

    boxes_xyxy: Float32Array
    scores: Float32Array
    class_ids: Int64Array

    def __post_init__(self) -> None:
        n = len(self.boxes_xyxy)
        assert self.boxes_xyxy.shape == (n, 4) and self.boxes_xyxy.dtype == np.float32, self
        assert self.scores.shape == (n,) and self.scores.dtype == np.float32, self
        assert self.class_ids.shape == (n,) and self.class_ids.dtype == np.int64, self

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"Detections(n={len(self.scores)}, boxes={self.boxes_xyxy.shape})"

    def __getitem__(self, chosen: NDArray[np.bool_] | Int64Array | slice) -> Detections:
        """Return the chosen rows, by mask, positions or slice."""
        return Detections(self.boxes_xyxy[chosen], self.scores[chosen], self.class_ids[chosen])

    @classmethod
    def empty(cls) -> Detections:
        """Return the detections of an image without objects."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


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
