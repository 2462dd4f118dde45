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
    iou: (k,), their intersection over union, above 0, as precise as the boxes are
    """

    rows: Int64Array
    columns: Int64Array
    iou: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: BoolArray | Int64Array) -> Pairs:
        """Return the chosen pairs, by mask or positions."""
        return Pairs(self.rows[chosen], self.columns[chosen], self.iou[chosen])


def overlapping(boxes_xyxy: FloatArray, others_xyxy: FloatArray) -> Pairs:
    """Return all pairs of (n, 4) boxes and (m, 4) others that share an area.

    Works on planes of (n, m), in place: an array of (n, m, 2) would take many times as long.
    """
    left, top, right, bottom = boxes_xyxy.T[:, :, None]
    others_left, others_top, others_right, others_bottom = others_xyxy.T
    width = np.minimum(right, others_right)
    spare = np.maximum(left, others_left)
    width -= spare
    height = np.minimum(bottom, others_bottom)
    height -= np.maximum(top, others_top, out=spare)
    rows, columns = (np.minimum(width, height, out=spare) > 0).nonzero()
    shared = width[rows, columns] * height[rows, columns]
    union = _area(boxes_xyxy)[rows] + _area(others_xyxy)[columns] - shared
    return Pairs(rows, columns, shared / union)


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
    solved = _solve(pairs.rows[contested], pairs.columns[contested], cost[contested], limit)
    return np.concatenate((below[~rivals], contested[solved]))


def _solve(rows: Int64Array, columns: Int64Array, cost: FloatArray, limit: float) -> Int64Array:
    """Assign on a matrix of these rows and columns (Jonker and Volgenant 1987)."""
    row_labels, rows = np.unique(rows, return_inverse=True)
    column_labels, columns = np.unique(columns, return_inverse=True)
    matrix = np.full((len(row_labels), len(column_labels)), np.inf)
    matrix[rows, columns] = cost
    _, column_of_row, _ = lap.lapjv(matrix, extend_cost=True, cost_limit=limit)
    chosen: BoolArray = column_of_row[rows] == columns
    return chosen.nonzero()[0]


def _area(boxes_xyxy: FloatArray) -> FloatArray:
    sizes = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    return sizes[:, 0] * sizes[:, 1]
