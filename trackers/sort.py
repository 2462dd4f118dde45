"""SORT: a Kalman filter, an assignment by overlap, and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Int64Array
from detector.errors import UsageError
from trackers.base.assignment import assign, overlapping
from trackers.base.box_motion import AreaAspect
from trackers.base.table_tracker import TableTracker
from trackers.base.track_table import BoolArray, TrackTable
from trackers.tracks import TrackState


class Sort(TableTracker[TrackTable]):
    """Tracks by overlap with a prediction (Bewley et al. 2016, ICIP), with real elapsed time.

    All tracks and all detections are matched in one step, so that the overlaps together are
    largest; pairs that overlap too little are then dropped. Each detection that is left begins a
    track. A track is confirmed once it was seen in `min_hits` pictures in a row after its first
    (those of the first pictures at once), and is tentative again, though under its identity, after
    it was lost.

    least_score: below it, 0..1, a detection is not looked at
    least_iou: from this overlap on, above 0, at most 1, a detection may be a track
    min_hits: pictures in a row
    buffer_seconds: a track that was not seen for longer is forgotten, but for what the last picture
        showed, which is always looked for in the next
    class_aware: whether a track keeps to the class of its first detection; otherwise it takes the
        class of its last one
    emit_lost: whether tracks that are not in the picture are given out, too, where they should be
    """

    def __init__(
        self,
        *,
        least_score: float = 0.5,
        least_iou: float = 0.3,
        min_hits: int = 3,
        buffer_seconds: float = 0.2,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        if not 0 <= least_score <= 1:
            raise UsageError(f"least_score {least_score}: from 0 to 1")
        if not 0 < least_iou <= 1:
            raise UsageError(f"least_iou {least_iou}: above 0, at most 1")
        super().__init__(
            AreaAspect(),
            TrackTable,
            min_hits=min_hits,
            buffer_seconds=buffer_seconds,
            class_aware=class_aware,
            emit_lost=emit_lost,
        )
        self._least_score = least_score
        self._least_iou = least_iou

    def _associate(self, tracks: TrackTable, found: Detections, seconds: float) -> Int64Array:
        pairs = self._alike(overlapping(self._boxes(tracks), found.boxes_xyxy), tracks, found)
        pairs = pairs[found.scores[pairs.columns] >= self._least_score]
        made = pairs[assign(pairs, -pairs.iou, 0.0)]
        made = made[made.iou >= self._least_iou]  # only now: what is dropped has kept others apart
        partners = np.full(len(tracks), -1)
        partners[made.rows] = made.columns
        return partners

    def _may_begin(self, found: Detections) -> BoolArray:
        return found.scores >= self._least_score

    def _stay(self, tracks: TrackTable) -> BoolArray:
        return np.ones(len(tracks), bool)

    def _states(self, tracks: TrackTable) -> NDArray[np.int8]:
        states = super()._states(tracks)
        proven = (tracks.hits >= self._min_hits) | (self._pictures <= self._min_hits)
        states[tracks.seen & ~proven] = TrackState.TENTATIVE
        return states
