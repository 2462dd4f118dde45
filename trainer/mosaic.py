"""Mosaic: four pictures around a point, so that a batch shows four times the scenes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.detections import UInt8Array
from trainer.picture import Picture, canvas, cut


def mosaic(
    pictures: Sequence[Picture],
    size: tuple[int, int],
    rng: np.random.Generator,
    least_visible: float,
) -> Picture:
    """Return four pictures on a canvas of twice `size` (height, width), meeting at a random point.

    The point lies in the middle half of the canvas; what does not fit on it is cut off, and objects
    with less of their area on it than the share `least_visible` lose their box.
    """
    height, width = size
    centre = round(height * rng.uniform(0.5, 1.5)), round(width * rng.uniform(0.5, 1.5))
    image = canvas((2 * height, 2 * width))
    boxes, class_ids = [], []
    for quarter, picture in enumerate(pictures):
        top, left = _corner(quarter, centre, picture.size)
        _paste(picture, image, top, left)
        shift = np.array([left, top, left, top], np.float32)
        inside, kept = cut(picture.boxes_xyxy + shift, (2 * height, 2 * width), least_visible)
        boxes.append(inside)
        class_ids.append(picture.class_ids[kept])
    return Picture(image, np.concatenate(boxes), np.concatenate(class_ids))


def _corner(quarter: int, centre: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return (top, left) of a picture in a quarter: 0, 1 above the centre; 0, 2 left of it."""
    top = centre[0] if quarter >= 2 else centre[0] - size[0]
    left = centre[1] if quarter % 2 else centre[1] - size[1]
    return top, left


def _paste(picture: Picture, image: UInt8Array, top: int, left: int) -> None:
    """Write a picture into `image` at a corner that may lie outside of it."""
    height, width = picture.size
    above, before = max(0, -top), max(0, -left)  # rows and columns of the picture that are cut off
    target = image[top + above : top + height, left + before : left + width]
    target[:] = picture.image[above : above + target.shape[0], before : before + target.shape[1]]
