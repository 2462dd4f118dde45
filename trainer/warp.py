"""Affine changes: a picture seen larger or smaller, and shifted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import UInt8Array
from detector.letterbox import PAD_VALUE
from trainer.picture import Picture, cut


@dataclass(frozen=True, slots=True)
class Affine:
    """Where the middle of a picture goes, and how large it gets.

    scale: factor; right, down: shift as fractions of the result's size
    """

    scale: float
    right: float
    down: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, scale: float, translate: float) -> Affine:
        """Return a random one: scale 1 +- `scale`, shift 0 +- `translate`."""
        right, down = rng.uniform(-translate, translate, 2)
        return cls(rng.uniform(1 - scale, 1 + scale), right, down)


def warped(
    picture: Picture, affine: Affine, size: tuple[int, int], least_visible: float
) -> Picture:
    """Return what of the picture is seen in a window of `size` (height, width).

    Boxes are cut to the window; those with less of their area in it than the share `least_visible`
    are dropped.
    """
    middle = np.array(picture.size[::-1]) / 2
    target = np.array(size[::-1]) * (0.5 + np.array([affine.right, affine.down]))
    shift = target - affine.scale * middle  # of x and y, in pixel edges
    moved = picture.boxes_xyxy * affine.scale + np.tile(shift, 2)
    boxes, kept = cut(moved.astype(np.float32), size, least_visible)
    return Picture(_warp(picture.image, affine.scale, shift, size), boxes, picture.class_ids[kept])


def _warp(
    image: UInt8Array, scale: float, shift: NDArray[np.float64], size: tuple[int, int]
) -> UInt8Array:
    """Return `image` scaled and shifted into a window of `size` (height, width)."""
    scales = np.full(2, scale)
    if scale <= 0.5:  # sampling skips pixels there: average them first
        height, width = image.shape[0] // 2, image.shape[1] // 2
        scales *= np.array([image.shape[1] / width, image.shape[0] / height])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    # OpenCV counts from the middle of a pixel, boxes from its edge
    offset = shift + scales / 2 - 0.5
    matrix = np.column_stack([np.diag(scales), offset])
    return cv2.warpAffine(  # type: ignore[return-value]
        image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderValue=(PAD_VALUE,) * 3
    )
