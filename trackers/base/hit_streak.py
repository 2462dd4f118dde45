"""What SORT and OC-SORT share: one score threshold, and tracks confirmed by consecutive matches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections
from trackers.base.assignment import FloatArray, Pairs
from trackers.base.box_motion import AreaAspect
from trackers.base.matching import Matching
from trackers.base.ranges import check_fractions, check_scores
from trackers.base.table_tracker import TableTracker
from trackers.base.track_table import BoolArray, Table
from trackers.tracks import TrackState


class HitStreakTracker(TableTracker[Table]):
    """A tracker that confirms tracks by consecutive matches, and again after each loss.

    Boxes move with constant area velocity and aspect ratio. A track keeps its identity for
    `buffer_seconds` after it was lost, but is tentative again until its new streak is long enough.

    min_score: minimum score of a detection, 0..1; lower ones are ignored
    min_iou: minimum overlap of a match, above 0, at most 1
    For the other options see TableTracker.
    """

    def __init__(
        self,
        table: type[Table],
        *,
        min_score: float,
        min_iou: float,
        min_hits: int,
        buffer_seconds: float,
        class_aware: bool,
        emit_lost: bool,
    ) -> None:
        check_scores(min_score=min_score)
        check_fractions(min_iou=min_iou)
        super().__init__(
            AreaAspect(),
            table,
            min_hits=min_hits,
            buffer_seconds=buffer_seconds,
            class_aware=class_aware,
            emit_lost=emit_lost,
        )
        self._min_score = min_score
        self._min_iou = min_iou

    def _match(self, matching: Matching, pairs: Pairs, gain: FloatArray, found: Detections) -> None:
        """Match what is still unmatched so that the total gain is largest.

        Pairs below `min_iou` take part in the assignment, as in SORT: they are undone afterwards.
        """
        assert not np.count_nonzero(np.isnan(gain)), "a gain that is not a number would be ignored"
        matching.step(
            pairs,
            -gain,
            0.0,
            tracks=np.ones(len(matching.partners), bool),
            detections=found.scores >= self._min_score,
            min_iou=self._min_iou,
        )

    def _may_start(self, tracks: Table, found: Detections) -> BoolArray:
        return found.scores >= self._min_score

    def _survivors(self, tracks: Table) -> BoolArray:
        return np.ones(len(tracks), bool)

    def _states(self, tracks: Table) -> NDArray[np.int8]:
        states = super()._states(tracks)
        proven = (tracks.hits >= self._min_hits) | (self._frame_count <= self._min_hits)
        states[tracks.seen & ~proven] = TrackState.TENTATIVE
        return states
