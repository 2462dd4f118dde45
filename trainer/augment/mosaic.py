"""Mosaic: four or nine pictures side by side, so that a batch shows many times the scenes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.detections import UInt8Array
from trainer.data.labelled_image import Picture, canvas, cut

Corner = tuple[int, int]  # top, left


def mosaic(
    pictures: Sequence[Picture],
    size: tuple[int, int],
    rng: np.random.Generator,
    least_visible: float,
) -> Picture:
    """Return four pictures on a canvas of twice `size` (height, width), meeting at a random point.

    The point lies in the middle half of the canvas; what does not fit on it is cut off, and objects
    with less of their area on it than the share `least_visible` become regions to ignore.
    """
    height, width = size
    centre = round(height * rng.uniform(0.5, 1.5)), round(width * rng.uniform(0.5, 1.5))
    corners = [_corner(quarter, centre, picture.size) for quarter, picture in enumerate(pictures)]
    return _joined(pictures, corners, (2 * height, 2 * width), least_visible)


def mosaic_of_nine(
    pictures: Sequence[Picture],
    size: tuple[int, int],
    rng: np.random.Generator,
    least_visible: float,
) -> Picture:
    """Return a random window of twice `size` (height, width) on three rows of three pictures.

    None is larger than `size`. Pictures of a row stand side by side, and rows upon each other.
    """
    height, width = size
    down, right = rng.integers(height + 1), rng.integers(width + 1)
    middle_row = max(picture.size[0] for picture in pictures[3:6])
    corners = []
    for number, picture in enumerate(pictures):
        row, column = divmod(number, 3)
        top = (height - picture.size[0], height, height + middle_row)[row]
        left = (width - picture.size[1], width, width + pictures[3 * row + 1].size[1])[column]
        corners.append((int(top - down), int(left - right)))
    return _joined(pictures, corners, (2 * height, 2 * width), least_visible)


def _joined(
    pictures: Sequence[Picture],
    corners: Sequence[Corner],
    size: tuple[int, int],
    least_visible: float,
) -> Picture:
    """Return pictures at their places on a canvas of `size`, and what is seen of their boxes."""
    image = canvas(size)
    boxes, class_ids = [], []
    for picture, (top, left) in zip(pictures, corners, strict=True):
        _paste(picture, image, top, left)
        shift = np.array([left, top, left, top], np.float32)
        inside, theirs = cut(picture.boxes_xyxy + shift, picture.class_ids, size, least_visible)
        boxes.append(inside)
        class_ids.append(theirs)
    return Picture(image, np.concatenate(boxes), np.concatenate(class_ids))


def _corner(quarter: int, centre: tuple[int, int], size: tuple[int, int]) -> Corner:
    """Return (top, left) of a picture in a quarter: 0, 1 above the centre; 0, 2 left of it."""
    top = centre[0] if quarter >= 2 else centre[0] - size[0]
    left = centre[1] if quarter % 2 else centre[1] - size[1]
    return top, left


def _paste(picture: Picture, image: UInt8Array, top: int, left: int) -> None:
    """Write a picture into `image` at a corner that may lie outside of it."""
    height, width = picture.size
    above, before = max(0, -top), max(0, -left)  # rows and columns of the picture that are cut off
    if above >= height or before >= width:
        return
    target = image[top + above : top + height, left + before : left + width]
    target[:] = picture.image[above : above + target.shape[0], before : before + target.shape[1]]
