"""What ByteTrack and Lane share: high-confidence detections are matched first, then low ones."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.assignment import FloatArray, Pairs
from trackers.base.box_motion import Motion
from trackers.base.matching import Matching
from trackers.base.ranges import check_fractions, check_scores
from trackers.base.table_tracker import TableTracker
from trackers.base.track_table import BoolArray, Table


class ScoreCascadeTracker(TableTracker[Table]):
    """A tracker that matches in three steps (ByteTrack, Zhang et al. 2022, ECCV, section 3).

    1. High-confidence detections to confirmed tracks, lost ones included, by IoU x score.
    2. Low-confidence detections to the confirmed tracks that are left, by IoU.
    3. The high-confidence detections that are left to tentative tracks, by IoU x score.

    A detection that is still left starts a tentative track if its score is at least `new_score`.
    The next frame confirms the track or drops it. Tracks of the first frame are confirmed at once.

    high_score: minimum score of a high-confidence detection; scores are 0..1
    low_score: minimum score of a low-confidence detection; lower ones are ignored
    new_score: minimum score of a detection that starts a track
    match_cost: maximum of 1 - (IoU x score) in step 1, above 0, at most 1
    low_score_match_cost: maximum of 1 - IoU in step 2
    tentative_match_cost: maximum of 1 - (IoU x score) in step 3
    For the other options see TableTracker.
    """

    def __init__(
        self,
        motion: Motion,
        table: type[Table],
        *,
        high_score: float,
        low_score: float,
        new_score: float,
        match_cost: float,
        low_score_match_cost: float,
        tentative_match_cost: float,
        buffer_seconds: float,
        class_aware: bool,
        emit_lost: bool,
    ) -> None:
        check_scores(low_score=low_score, high_score=high_score, new_score=new_score)
        check_fractions(
            match_cost=match_cost,
            low_score_match_cost=low_score_match_cost,
            tentative_match_cost=tentative_match_cost,
        )
        super().__init__(
            motion,
            table,
            min_hits=1,
            buffer_seconds=buffer_seconds,
            class_aware=class_aware,
            emit_lost=emit_lost,
        )
        self._high_score = high_score
        self._low_score = low_score
        self._new_score = new_score
        self._match_cost = match_cost
        self._low_score_match_cost = low_score_match_cost
        self._tentative_match_cost = tentative_match_cost

    def _associate(self, tracks: Table, found: Detections, seconds: float) -> Int64Array:
        high = found.scores >= self._high_score
        low = (found.scores >= self._low_score) & ~high
        confirmed = tracks.confirmed
        pairs, cost = self._costs(tracks, found, high, seconds)
        assert not np.count_nonzero(np.isnan(cost)), "a cost that is not a number would be ignored"
        matching = Matching(len(tracks), len(found))
        matching.step(pairs, cost, self._match_cost, tracks=confirmed, detections=high)
        matching.step(
            pairs,
            cost,
            self._low_score_match_cost,
            tracks=self._low_score_candidates(tracks, seconds),
            detections=low,
        )
        matching.step(pairs, cost, self._tentative_match_cost, tracks=~confirmed, detections=high)
        return matching.partners

    def _costs(
        self, tracks: Table, found: Detections, high: BoolArray, seconds: float
    ) -> tuple[Pairs, FloatArray]:
        """Return the pairs of tracks and detections that may match, and their (k,) costs.

        high: (m,), which detections are of high confidence: the score is part of their cost
        """
        pairs = self._pairs(self._boxes(tracks), found.boxes_xyxy, tracks, found)
        return pairs, 1 - pairs.iou * self._weights(found, high)[pairs.columns]

    @staticmethod
    def _weights(found: Detections, high: BoolArray) -> Float32Array:
        """Return (m,) what the overlap with each detection counts: its score, or 1 if low."""
        return np.where(high, found.scores, np.float32(1))

    def _low_score_candidates(self, tracks: Table, seconds: float) -> BoolArray:
        """Return (n,) which tracks a low-confidence detection of this time may match."""
        return tracks.confirmed

    def _may_start(self, tracks: Table, found: Detections) -> BoolArray:
        return found.scores >= self._new_score
