"""Where labels go: next to their boxes, inside the picture, beside each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

ANYWHERE = -1  # in place of a slot: the label has none yet


class Placed(NamedTuple):
    """corners: (n, 2) left and top, even; slots: (n,) which of the places each label took."""

    corners: IntArray
    slots: IntArray


def place_labels(
    boxes_xyxy: IntArray,
    sizes: IntArray,
    before: IntArray,
    picture: tuple[int, int],
    clear: tuple[int, int] = (0, 0),
) -> Placed:
    """Return a place for each label, the first of them first.

    Each takes the first of its eight places in which it covers no earlier label, or else the one
    in which it covers least. A label leaves its place only for one that is free by half a label's
    height in addition, so that it does not jump to and fro while boxes tremble.

    boxes_xyxy: (n, 4) whole pixels, within the picture
    sizes: (n, 2) width and height of the labels
    before: (n,) the slots in the last frame; ANYWHERE for a new label
    picture: width and height; clear: of the top left corner, which is kept free
    """
    corners, beyond = _places(boxes_xyxy, sizes, picture, clear)
    taken = np.zeros((len(sizes), 4), np.int64)
    slots = np.zeros(len(sizes), np.int64)
    for row, (size, slot) in enumerate(zip(sizes, before, strict=True)):
        moved = (np.arange(corners.shape[1]) != slot) & (slot != ANYWHERE)
        gap = moved[:, None] * (size[1] // 2)
        lows, highs = corners[row] - gap, corners[row] + size + gap
        covered = np.minimum(highs[:, None], taken[:row, 2:])
        covered -= np.maximum(lows[:, None], taken[:row, :2])
        outside = (beyond[row] + gap[:, 0]).clip(0) * size[0]
        costs = covered.clip(0).prod(axis=2).sum(axis=1) + outside
        slots[row] = costs.argmin()
        corner = corners[row, slots[row]]
        taken[row] = *corner, *(corner + size)
    return Placed(corners[np.arange(len(sizes)), slots], slots)


def _places(
    boxes_xyxy: IntArray, sizes: IntArray, picture: tuple[int, int], clear: tuple[int, int]
) -> tuple[IntArray, IntArray]:
    """Return the places of each label in the order of preference: (n, 8, 2) left and top.

    Also returns by how many rows each would have been above or below what can be drawn on, (n, 8);
    the space to the nearer edge is negative.
    """
    left, top, right, bottom = boxes_xyxy.T
    width, height = sizes.T
    above, under = top - height, bottom - height
    x = np.stack([left, right - width, left, right - width, left, left, right, left - width])
    y = np.stack([above, above, bottom, bottom, top, under, top, top])
    x = x.clip(0, (picture[0] - width).clip(0)) // 2 * 2
    highest = np.where(x < clear[0], clear[1] + clear[1] % 2, 0)
    beyond = np.maximum(highest - y, y + height - picture[1])
    y = np.maximum(y.clip(0, (picture[1] - height).clip(0)) // 2 * 2, highest)
    return np.stack([x, y], axis=-1).swapaxes(0, 1), beyond.T
