"""Matching in steps: what one step matches is not available to the next."""

from __future__ import annotations

import numpy as np

from trackers.base.assignment import BoolArray, FloatArray, Pairs, assigned


class Matching:
    """Which track is matched to which detection, built up step by step.

    partners: (n,) int64, the detection of each track, or -1
    """

    def __init__(self, track_count: int, detection_count: int) -> None:
        self.partners = np.full(track_count, -1)
        self._free = np.ones(detection_count, bool)

    def step(
        self,
        pairs: Pairs,
        cost: FloatArray,
        limit: float,
        *,
        tracks: BoolArray,
        detections: BoolArray,
        min_iou: float = 0.0,
    ) -> None:
        """Match those of the given tracks (n,) and detections (m,) that are still unmatched.

        cost, limit: (k,), one for each pair, see `assign`
        min_iou: matches below it are undone after the assignment
        """
        rows, columns = tracks & (self.partners < 0), detections & self._free
        if not (np.count_nonzero(rows) and np.count_nonzero(columns)):
            return
        possible = rows[pairs.rows] & columns[pairs.columns]
        possible &= cost < limit
        chosen = possible.nonzero()[0]
        if not len(chosen):
            return
        rows_of, columns_of = pairs.rows[chosen], pairs.columns[chosen]
        made = assigned(rows_of, columns_of, cost[chosen], limit)
        if min_iou > 0:
            made &= pairs.iou[chosen] >= min_iou
        taken = columns_of[made]
        self.partners[rows_of[made]] = taken
        self._free[taken] = False
