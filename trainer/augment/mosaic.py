"""Mosaics: four or nine images side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.detections import UInt8Array
from trainer.data.labelled_image import LabelledImage, canvas, cut

Corner = tuple[int, int]  # top, left


def mosaic(
    images: Sequence[LabelledImage],
    size: tuple[int, int],
    rng: np.random.Generator,
    min_visible: float,
) -> LabelledImage:
    """Return four images on a canvas of twice `size` (height, width), meeting at a random point.

    The point lies in the middle half of the canvas. Images are cut at its border; an object that
    keeps less of its area than the fraction `min_visible` becomes a region to ignore.
    """
    height, width = size
    centre = round(height * rng.uniform(0.5, 1.5)), round(width * rng.uniform(0.5, 1.5))
    corners = [_corner(quarter, centre, labelled.size) for quarter, labelled in enumerate(images)]
    return _joined(images, corners, (2 * height, 2 * width), min_visible)


def mosaic_of_nine(
    images: Sequence[LabelledImage],
    size: tuple[int, int],
    rng: np.random.Generator,
    min_visible: float,
) -> LabelledImage:
    """Return a random window of twice `size` (height, width) on three rows of three images.

    No image may be larger than `size`. The images of a row adjoin, and so do the rows.
    """
    height, width = size
    down, right = rng.integers(height + 1), rng.integers(width + 1)
    middle_row = max(labelled.size[0] for labelled in images[3:6])
    corners = []
    for number, labelled in enumerate(images):
        row, column = divmod(number, 3)
        top = (height - labelled.size[0], height, height + middle_row)[row]
        left = (width - labelled.size[1], width, width + images[3 * row + 1].size[1])[column]
        corners.append((int(top - down), int(left - right)))
    return _joined(images, corners, (2 * height, 2 * width), min_visible)


def _joined(
    images: Sequence[LabelledImage],
    corners: Sequence[Corner],
    size: tuple[int, int],
    min_visible: float,
) -> LabelledImage:
    """Return the images at these corners of a canvas of `size`, with their boxes cut to it."""
    image = canvas(size)
    boxes, class_ids = [], []
    for labelled, (top, left) in zip(images, corners, strict=True):
        _paste(labelled, image, top, left)
        shift = np.array([left, top, left, top], np.float32)
        inside, theirs = cut(labelled.boxes_xyxy + shift, labelled.class_ids, size, min_visible)
        boxes.append(inside)
        class_ids.append(theirs)
    return LabelledImage(image, np.concatenate(boxes), np.concatenate(class_ids))


def _corner(quarter: int, centre: tuple[int, int], size: tuple[int, int]) -> Corner:
    """Return (top, left) of an image in a quarter: 0 and 1 are above the centre, 0 and 2 left."""
    top = centre[0] if quarter >= 2 else centre[0] - size[0]
    left = centre[1] if quarter % 2 else centre[1] - size[1]
    return top, left


def _paste(labelled: LabelledImage, image: UInt8Array, top: int, left: int) -> None:
    """Copy `labelled` into `image` at a corner that may lie outside it."""
    height, width = labelled.size
    above, before = max(0, -top), max(0, -left)  # rows and columns that are cut off
    if above >= height or before >= width:
        return
    target = image[top + above : top + height, left + before : left + width]
    target[:] = labelled.image[above : above + target.shape[0], before : before + target.shape[1]]
