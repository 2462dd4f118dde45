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

    All n x m pairs are only compared in x, in a plane of booleans; arithmetic is done on the few
    of them that are not one beside the other.
    """
    planes, other_planes = boxes_xyxy.T.copy(), others_xyxy.T.copy()
    left, right = planes[0][:, None], planes[2][:, None]
    in_x = (left < other_planes[2]) & (right > other_planes[0])
    positions = in_x.ravel().nonzero()[0]  # of the plane itself it takes ten times as long
    rows, columns = np.divmod(positions, len(others_xyxy))
    boxes, others = planes.take(rows, axis=1), other_planes.take(columns, axis=1)
    width, height = np.minimum(boxes[2:], others[2:]) - np.maximum(boxes[:2], others[:2])
    overlap = (np.minimum(width, height) > 0).nonzero()[0]
    rows, columns, shared = rows[overlap], columns[overlap], (width * height)[overlap]
    both = _areas(planes)[rows] + _areas(other_planes)[columns]
    return Pairs(rows, columns, shared / (both - shared))


def assign(pairs: Pairs, cost: FloatArray, limit: float) -> Int64Array:
    """Return the positions of the pairs that together cost least, each box in one pair at most.

    A box that stays alone costs half of `limit`, so a pair of `limit` or more is never made.
    cost: (k,), one for each pair. Pairs without a rival are made at once, the solver gets the rest.
    """
    assert not np.count_nonzero(np.isnan(cost)), "a cost that is not a number would be passed over"
    below = (cost < limit).nonzero()[0]
    if not len(below):
        return below
    rows, columns = pairs.rows[below], pairs.columns[below]
    made: BoolArray = np.maximum(np.bincount(rows)[rows], np.bincount(columns)[columns]) == 1
    rivals = (~made).nonzero()[0]
    if len(rivals):
        made[rivals] = _solve(rows[rivals], columns[rivals], cost[below[rivals]], limit)
    return below[made]


def _solve(rows: Int64Array, columns: Int64Array, cost: FloatArray, limit: float) -> BoolArray:
    """Return which pairs are made, by a matrix of them alone (Jonker and Volgenant 1987).

    The matrix has a further row for each column and the other way round: of who stays alone.
    """
    n, rows = _without_gaps(rows)
    m, columns = _without_gaps(columns)
    matrix = np.full((n + m, n + m), limit / 2)
    matrix[n:, m:] = 0
    matrix[:n, :m] = np.inf
    matrix[rows, columns] = cost
    column_of_row, _ = lap.lapjv(matrix, return_cost=False)  # to add it up would take as long again
    chosen: BoolArray = column_of_row[rows] == columns
    return chosen


def _without_gaps(labels: Int64Array) -> tuple[int, Int64Array]:
    """Return how many labels there are, and them renumbered from 0 with no number left out."""
    present = np.bincount(labels).nonzero()[0]
    return len(present), present.searchsorted(labels)


def _areas(planes: FloatArray) -> FloatArray:
    """Return (n,) areas of boxes given as (4, n) planes."""
    sizes = planes[2:] - planes[:2]
    areas: FloatArray = sizes[0] * sizes[1]
    return areas
