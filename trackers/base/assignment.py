"""Assignment of boxes to boxes: the pairs that overlap, and the best choice among them.

Pairs that overlap are kept as a list. In a frame with hundreds of objects they are few, so a list
costs far less than a matrix of all rows and columns.
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
    """Pairs of overlapping boxes.

    rows, columns: (k,) int64, positions of the first and the second box
    iou: (k,), intersection over union, in the precision of the boxes
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

    All n x m pairs are compared in x only, as booleans; areas are computed for the few pairs that
    overlap in x.
    """
    planes, other_planes = boxes_xyxy.T.copy(), others_xyxy.T.copy()
    left, right = planes[0][:, None], planes[2][:, None]
    in_x = (left < other_planes[2]) & (right > other_planes[0])
    positions = in_x.ravel().nonzero()[0]  # nonzero() in two dimensions takes ten times as long
    rows, columns = np.divmod(positions, len(others_xyxy))
    boxes, others = planes.take(rows, axis=1), other_planes.take(columns, axis=1)
    width, height = np.minimum(boxes[2:], others[2:]) - np.maximum(boxes[:2], others[:2])
    overlap = (np.minimum(width, height) > 0).nonzero()[0]
    rows, columns, shared = rows[overlap], columns[overlap], (width * height)[overlap]
    both = _areas(planes)[rows] + _areas(other_planes)[columns]
    return Pairs(rows, columns, shared / (both - shared))


def assign(pairs: Pairs, cost: FloatArray, limit: float) -> Int64Array:
    """Return the positions of the pairs with the least total cost, each box in one pair at most.

    An unmatched box costs half of `limit`, so a pair that costs `limit` or more is never matched.
    cost: (k,), one for each pair. A pair whose boxes are in no other pair is matched at once; the
    solver gets the rest.
    """
    assert not np.count_nonzero(np.isnan(cost)), "a cost that is not a number would be ignored"
    below = (cost < limit).nonzero()[0]
    return below[assigned(pairs.rows[below], pairs.columns[below], cost[below], limit)]


def assigned(rows: Int64Array, columns: Int64Array, cost: FloatArray, limit: float) -> BoolArray:
    """Return (k,) which pairs `assign` matches; each of them costs less than `limit`."""
    made = without_rivals(rows, columns)
    if np.count_nonzero(made) < len(rows):
        rivals = (~made).nonzero()[0]
        made[rivals] = _solve(rows[rivals], columns[rivals], cost[rivals], limit)
    return made


def without_rivals(rows: Int64Array, columns: Int64Array) -> BoolArray:
    """Return (k,) which pairs consist of two boxes that are in no other pair."""
    alone: BoolArray = np.maximum(np.bincount(rows)[rows], np.bincount(columns)[columns]) == 1
    return alone


def _solve(rows: Int64Array, columns: Int64Array, cost: FloatArray, limit: float) -> BoolArray:
    """Return which pairs are matched, by a dense matrix of their boxes (Jonker and Volgenant 1987).

    The matrix has an extra row for each column and an extra column for each row: unmatched boxes.
    """
    n, rows = _without_gaps(rows)
    m, columns = _without_gaps(columns)
    matrix = np.full((n + m, n + m), limit / 2)
    matrix[n:, m:] = 0
    matrix[:n, :m] = np.inf
    matrix[rows, columns] = cost
    column_of_row, _ = lap.lapjv(matrix, return_cost=False)  # computing the total doubles the time
    chosen: BoolArray = column_of_row[rows] == columns
    return chosen


def _without_gaps(labels: Int64Array) -> tuple[int, Int64Array]:
    """Return the number of different labels, and the labels renumbered from 0 without gaps."""
    present = np.bincount(labels).nonzero()[0]
    return len(present), present.searchsorted(labels)


def _areas(planes: FloatArray) -> FloatArray:
    """Return (n,) areas of boxes given as (4, n) planes."""
    sizes = planes[2:] - planes[:2]
    areas: FloatArray = sizes[0] * sizes[1]
    return areas
