"""Which track is which detection: the pairs that overlap, and the best choice among them.

Only pairs that overlap are ever looked at, as a list: in a picture with hundreds of objects they
are few, and a list of them costs far less than matrices of all rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lap
import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Boxes that overlap others.

    rows, columns: (k,) int64, positions of the one box and the other
    iou: (k,), their intersection over union, as precise as the boxes are
    """

    rows: Int64Array
    columns: Int64Array
    iou: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: BoolArray | Int64Array | slice) -> Pairs:
        """Return the chosen pairs, by mask, positions or slice."""
        return Pairs(self.rows[chosen], self.columns[chosen], self.iou[chosen])


def overlapping(boxes_xyxy: FloatArray, others_xyxy: FloatArray) -> Pairs:
    """Return all pairs of (n, 4) boxes and (m, 4) others that share an area.

    Only comparisons look at all n x m pairs, in one plane of booleans; arithmetic is done on the
    few that overlap.
    """
    planes, other_planes = boxes_xyxy.T.copy(), others_xyxy.T.copy()
    left, top, right, bottom = planes[:, :, None]
    others_left, others_top, others_right, others_bottom = other_planes
    overlap = left < others_right
    overlap &= right > others_left
    overlap &= top < others_bottom
    overlap &= bottom > others_top
    rows, columns = overlap.nonzero()
    boxes, others = planes.take(rows, axis=1), other_planes.take(columns, axis=1)
    sizes = np.minimum(boxes[2:], others[2:]) - np.maximum(boxes[:2], others[:2])
    width, height = np.maximum(sizes, 0, out=sizes)  # an inverted box shares nothing
    shared = width * height
    both = _areas(planes)[rows] + _areas(other_planes)[columns]
    return Pairs(rows, columns, shared / (both - shared))


def assign(pairs: Pairs, cost: FloatArray, limit: float) -> Int64Array:
    """Return the positions of the pairs that together cost least, each box in one pair at most.

    A box that stays alone costs half of `limit`, so a pair of `limit` or more is never made.
    cost: (k,), one for each pair. Pairs without a rival are made at once, the solver gets the rest.
    """
    assert not np.isnan(cost).any(), "a cost that is not a number would be assigned silently"
    below = (cost < limit).nonzero()[0]
    if not len(below):
        return below
    rows, columns = pairs.rows[below], pairs.columns[below]
    rivals = (np.bincount(rows)[rows] > 1) | (np.bincount(columns)[columns] > 1)
    if not rivals.any():
        return below
    contested = below[rivals]
    solved = _solve(rows[rivals], columns[rivals], cost[contested], limit)
    return np.concatenate((below[~rivals], contested[solved]))


def _solve(rows: Int64Array, columns: Int64Array, cost: FloatArray, limit: float) -> BoolArray:
    """Return which pairs are made, by a matrix of them alone (Jonker and Volgenant 1987)."""
    row_labels, rows = _without_gaps(rows)
    column_labels, columns = _without_gaps(columns)
    matrix = np.full((row_labels, column_labels), np.inf)
    matrix[rows, columns] = cost
    column_of_row, _ = lap.lapjv(  # which would take longer to add up the cost than to find it
        matrix, extend_cost=True, cost_limit=limit, return_cost=False
    )
    chosen: BoolArray = column_of_row[rows] == columns
    return chosen


def _without_gaps(labels: Int64Array) -> tuple[int, Int64Array]:
    """Return how many labels there are, and them renumbered from 0 with no number left out."""
    present = np.bincount(labels) > 0
    renumbered = present.cumsum()
    return int(renumbered[-1]), renumbered[labels] - 1


def _areas(planes: FloatArray) -> FloatArray:
    """Return (n,) areas of boxes given as (4, n) planes."""
    areas: FloatArray = (planes[2] - planes[0]) * (planes[3] - planes[1])
    return areas
