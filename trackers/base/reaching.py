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
    stretch = 1 + 2 * reaches
    rows, columns = _possible(position, stretch, other)
    if class_ids is not None:
        alike = class_ids.take(rows) == found.class_ids.take(columns)
        if np.count_nonzero(alike) < len(rows):
            rows, columns = rows[alike], columns[alike]
    position, other = position.take(rows, axis=1), other.take(columns, axis=1)
    sides, other_sides = position[2:], other[2:]
    offset = position[:2] - other[:2]
    lower = abs(offset[1] + (sides[1] - other_sides[1]) / 2)
    both_sides = (sides + other_sides) / 2
    shared = np.minimum(both_sides - abs(offset) / stretch.take(rows, axis=1), sides)
    shared = np.minimum(shared, other_sides)
    near = (np.minimum(shared[0], shared[1]) > 0).nonzero()[0]
    area = shared[0] * shared[1]
    areas = sides[0] * sides[1] + other_sides[0] * other_sides[1]
    iou = area / (areas - area)
    height_overlap = shared[1] / (2 * both_sides[1] - shared[1])
    foot_distance = lower / np.maximum(sides[1], other_sides[1])
    return NearPairs(
        Pairs(rows[near], columns[near], iou[near]), height_overlap[near], foot_distance[near]
    )


def _possible(
    position: Float64Array, stretch: Float64Array, other: Float64Array
) -> tuple[Int64Array, Int64Array]:
    """Return rows and columns of the pairs that may overlap, and of few that do not.

    All n x m pairs are compared in x only, as booleans, and the few that are left in y.
    """
    half = stretch * position[2:] / 2
    low, high = position[:2] - half, position[:2] + half
    other_half = stretch.max(axis=1, initial=1.0)[:, None] * other[2:] / 2
    other_low, other_high = other[:2] - other_half, other[:2] + other_half
    in_x = low[0][:, None] < other_high[0]
    in_x &= high[0][:, None] > other_low[0]
    rows, columns = np.divmod(in_x.ravel().nonzero()[0], max(1, other.shape[1]))
    in_y = low[1].take(rows) < other_high[1].take(columns)
    in_y &= high[1].take(rows) > other_low[1].take(columns)
    possible = in_y.nonzero()[0]
    return rows[possible], columns[possible]
