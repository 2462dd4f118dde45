"""Which boxes overlap, or would if both were larger: pairs for tracks that are uncertain.

Expanding two boxes about their centres by the same factor has the same effect on their overlap as
dividing the distance of the centres by it. So no box is expanded here: distances shrink.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.detections import Detections, Int64Array
from trackers.base.assignment import FloatArray, Pairs
from trackers.base.box_motion import centre_and_sides
from trackers.base.kalman import Float64Array

MATRIX_SIZE = 4096  # up to so many pairs, comparing all takes less time than sorting


@dataclass(frozen=True, slots=True)
class NearPairs:
    """Pairs of tracks and detections, and how well they agree.

    pairs: with the intersection over union of the expanded boxes
    height_overlap: (k,) the same of their heights alone
    foot_distance: (k,) between the lower edges of the boxes as they are, relative to the taller box
    """

    pairs: Pairs
    height_overlap: FloatArray
    foot_distance: FloatArray


def near_pairs(
    position: Float64Array,
    reaches: Float64Array,
    found: Detections,
    class_ids: Int64Array | None = None,
) -> NearPairs:
    """Return the pairs that overlap when both boxes are expanded by the reach of the track.

    position: (4, n) of the tracks: centre x and y, width, height
    reaches: (2, n), expansion to the left and right, and up and down, relative to width and height
    class_ids: (n,), of the tracks; pairs of different classes are left out; None: they are not
    """
    other = centre_and_sides(found.boxes_xyxy)
    stretch = 1.0 + 2.0 * reaches
    rows, columns = _possible(position, stretch, other)
    if class_ids is not None:
        alike = class_ids.take(rows) == found.class_ids.take(columns)
        if np.count_nonzero(alike) < len(rows):
            rows, columns = rows[alike], columns[alike]
    position, other = position.take(rows, axis=1), other.take(columns, axis=1)
    sides, other_sides = position[2:], other[2:]
    apart = position - other
    lower = abs(apart[1] + apart[3] * 0.5)
    both_sides = (sides + other_sides) * 0.5
    shared = np.minimum(both_sides - abs(apart[:2]) / stretch.take(rows, axis=1), sides)
    shared = np.minimum(shared, other_sides)
    area = shared[0] * shared[1]
    areas = sides[0] * sides[1] + other_sides[0] * other_sides[1]
    iou = area / (areas - area)
    height_overlap = shared[1] / (2.0 * both_sides[1] - shared[1])
    foot_distance = lower / np.maximum(sides[1], other_sides[1])
    near = np.minimum(shared[0], shared[1]) > 0
    if np.count_nonzero(near) == len(rows):
        return NearPairs(Pairs(rows, columns, iou), height_overlap, foot_distance)
    chosen = near.nonzero()[0]
    pairs = Pairs(rows[chosen], columns[chosen], iou[chosen])
    return NearPairs(pairs, height_overlap[chosen], foot_distance[chosen])


def _possible(
    position: Float64Array, stretch: Float64Array, other: Float64Array
) -> tuple[Int64Array, Int64Array]:
    """Return rows and columns of the pairs that may overlap, and of few that do not."""
    half = stretch * position[2:] * 0.5
    low, high = position[:2] - half, position[:2] + half
    largest = np.maximum.reduce(stretch, axis=1, initial=1.0, keepdims=True)
    other_half = largest * other[2:] * 0.5
    other_low, other_high = other[:2] - other_half, other[:2] + other_half
    if low.shape[1] * other.shape[1] <= MATRIX_SIZE:
        return _by_matrix(low, high, other_low, other_high)
    return _by_order(low, high, other_low, other_high)


def _by_matrix(
    low: Float64Array, high: Float64Array, other_low: Float64Array, other_high: Float64Array
) -> tuple[Int64Array, Int64Array]:
    """Return rows and columns of the (2, n) and (2, m) intervals that overlap in x and y."""
    near = low[:, :, None] < other_high[:, None]
    near &= high[:, :, None] > other_low[:, None]
    positions = (near[0] & near[1]).ravel().nonzero()[0]
    return np.divmod(positions, max(1, other_low.shape[1]))


def _by_order(
    low: Float64Array, high: Float64Array, other_low: Float64Array, other_high: Float64Array
) -> tuple[Int64Array, Int64Array]:
    """Return the same in another order, in far less time where there are hundreds of boxes.

    In the order of their left edges, those that overlap a box in x begin after all that end before
    it, and end before the first that begins after it.
    """
    order = other_low[0].argsort()
    first = np.maximum.accumulate(other_high[0][order]).searchsorted(low[0], side="right")
    end = other_low[0][order].searchsorted(high[0], side="left")
    counts = np.maximum(end - first, 0)
    rows = np.arange(len(counts)).repeat(counts)
    columns = order.take(np.arange(len(rows)) + (first + counts - counts.cumsum()).take(rows))
    near = low.take(rows, axis=1) < other_high.take(columns, axis=1)
    near &= high.take(rows, axis=1) > other_low.take(columns, axis=1)
    both = (near[0] & near[1]).nonzero()[0]
    return rows[both], columns[both]
