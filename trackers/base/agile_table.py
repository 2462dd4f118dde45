"""Tracks that remember how their score changed, how agile they are, and their detected box."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.kalman import Float64Array, KalmanState
from trackers.base.track_table import TrackTable

LEAST_SCORE = 0.1  # that is ever expected
TREND_SECONDS = 0.05  # a longer time ahead, scores do not go on as they did


@dataclass(frozen=True, slots=True)
class AgileTable(TrackTable):
    """Tracks with their score before the last, their agility and their detected box.

    earlier_scores: (n,) float32, of the match before the last
    agility: (n,) float64, see AgileWidthHeight
    detected: (n, 4) float32, the box of the last match
    """

    earlier_scores: Float32Array
    agility: Float64Array
    detected: Float32Array

    @classmethod
    def born(cls, kalman: KalmanState, detections: Detections, seconds: float) -> AgileTable:
        """Return new tracks, one for each detection, none of them confirmed."""
        plain = TrackTable.born(kalman, detections, seconds)
        return cls(
            **{field.name: getattr(plain, field.name) for field in fields(plain)},
            earlier_scores=detections.scores,
            agility=np.zeros(len(detections)),
            detected=detections.boxes_xyxy,
        )

    def expected_scores(self, elapsed: float) -> Float32Array:
        """Return (n,) scores that go on as the last two did, `elapsed` seconds after the last."""
        ahead = min(1.0, TREND_SECONDS / elapsed) if elapsed > 0 else 1.0
        expected = self.scores + ahead * (self.scores - self.earlier_scores)
        return np.asarray(np.minimum(np.maximum(expected, LEAST_SCORE), 1))

    def matched(
        self,
        kalman: KalmanState,
        agility: Float64Array,
        rows: Int64Array,
        found: Detections,
        seconds: float,
    ) -> AgileTable:
        """Return the tracks after those in `rows` (m,) were matched to the detections `found`.

        agility: (m,), theirs from now on
        """
        earlier_scores, agilities = self.earlier_scores.copy(), self.agility.copy()
        earlier_scores[rows], agilities[rows] = self.scores[rows], agility
        detected = self.detected.copy()
        detected[rows] = found.boxes_xyxy
        return self.updated(
            kalman,
            rows,
            found,
            seconds,
            earlier_scores=earlier_scores,
            agility=agilities,
            detected=detected,
        )
