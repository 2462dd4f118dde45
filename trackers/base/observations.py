"""Tracks that remember their observations: the detections, not the filter's estimates."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.assignment import Pairs
from trackers.base.box_motion import Motion
from trackers.base.kalman import STEPS_PER_SECOND, Float64Array, KalmanState
from trackers.base.track_table import TrackTable
from trackers.tracks import Affine

MAX_REPLAY_STEPS = 10  # more steps hardly change the result, and each costs the same again


@dataclass(frozen=True, slots=True)
class ObservedTable(TrackTable):
    """Tracks with their last observation and their heading.

    observed_kalman: the state of the filter right after the last match
    observed: (n, 4) float32, the box of the last matched detection
    origin, next_origin: (n, 2) float64, centres of two earlier observations: the start of the
        current heading, and of the one that replaces it
    next_origin_at: (n,) float64, seconds of `next_origin`
    """

    observed_kalman: KalmanState
    observed: Float32Array
    origin: Float64Array
    next_origin: Float64Array
    next_origin_at: Float64Array

    @classmethod
    def born(cls, kalman: KalmanState, detections: Detections, seconds: float) -> ObservedTable:
        """Return new tracks, one for each detection, none of them confirmed."""
        plain = TrackTable.born(kalman, detections, seconds)
        centres = centres_of(detections.boxes_xyxy)
        return cls(
            **{field.name: getattr(plain, field.name) for field in fields(plain)},
            observed_kalman=kalman,
            observed=detections.boxes_xyxy,
            origin=centres,
            next_origin=centres,
            next_origin_at=plain.seen_at,
        )

    @property
    def heading(self) -> Float64Array:
        """(n, 2) pixels from the origin to the last observation; 0 after a single one."""
        return centres_of(self.observed) - self.origin

    def matched(
        self, kalman: KalmanState, rows: Int64Array, found: Detections, seconds: float, span: float
    ) -> ObservedTable:
        """Return the tracks after those in `rows` (m,) were matched to the detections `found`.

        span: minimum seconds over which the heading is measured, once the track is that old
        """
        plain = TrackTable.updated(self, kalman, rows, found, seconds)
        planes, observed = self.observed_kalman.planes.copy(), self.observed.copy()
        planes[:, :, rows], observed[rows] = kalman.planes[:, :, rows], found.boxes_xyxy
        due = rows[seconds - self.next_origin_at[rows] >= span]
        origin, next_origin = self.origin.copy(), self.next_origin.copy()
        next_origin_at = self.next_origin_at.copy()
        origin[due] = next_origin[due]
        next_origin[due], next_origin_at[due] = centres_of(observed[due]), seconds
        return replace(
            plain,
            observed_kalman=KalmanState(planes),
            observed=observed,
            origin=origin,
            next_origin=next_origin,
            next_origin_at=next_origin_at,
        )

    def moved(self, motion: Motion, camera: Affine) -> ObservedTable:
        """Return tracks and observations in the coordinates of the new frame."""
        corners = self.observed.reshape(-1, 2) @ camera[:, :2].T + camera[:, 2]
        return replace(
            TrackTable.moved(self, motion, camera),
            observed_kalman=motion.moved(self.observed_kalman, camera),
            observed=corners.reshape(-1, 4).astype(np.float32),
            origin=self.origin @ camera[:, :2].T + camera[:, 2],
            next_origin=self.next_origin @ camera[:, :2].T + camera[:, 2],
        )


def centres_of(boxes_xyxy: Float32Array) -> Float64Array:
    """Return the (n, 2) centres of (n, 4) boxes."""
    return (boxes_xyxy[:, :2].astype(np.float64) + boxes_xyxy[:, 2:]) / 2


def direction_agreement(tracks: ObservedTable, found: Detections, pairs: Pairs) -> Float64Array:
    """Return (k,) how well each pair continues the direction of its track, -1/2 to 1/2.

    It is 1/2 straight ahead, 0 at a right angle, and 0 for a track without a direction.
    """
    heading = tracks.heading[pairs.rows]
    offset = centres_of(found.boxes_xyxy)[pairs.columns] - tracks.origin[pairs.rows]
    lengths = np.hypot(*heading.T) * np.hypot(*offset.T)
    known = lengths > 0
    cosine = (heading * offset).sum(axis=1)[known] / lengths[known]
    agreement = np.zeros(len(pairs))
    agreement[known] = 1 / 2 - np.arccos(np.clip(cosine, -1, 1)) / np.pi
    return agreement


def replayed(
    tracks: ObservedTable, rows: Int64Array, found: Detections, seconds: float, motion: Motion
) -> KalmanState:
    """Return the state of the tracks in `rows` (m,), found again, as if they had never been lost.

    The filter returns to the last observation and is updated with boxes on a straight line from
    there to the detections `found` (OC-SORT's observation-centric re-update). The last update, with
    the detections themselves, is left to the caller.
    """
    state, elapsed = tracks.observed_kalman[rows], seconds - tracks.seen_at[rows]
    begin, end = tracks.observed[rows], found.boxes_xyxy
    steps = min(MAX_REPLAY_STEPS, max(1, round(float(elapsed.max()) * STEPS_PER_SECOND)))
    every_row, seen = np.arange(len(rows)), np.ones(len(rows), bool)
    for step in range(1, steps + 1):
        state = motion.predict(state, elapsed / steps, seen)
        if step < steps:
            state = motion.correct(state, every_row, begin + (end - begin) * (step / steps))
    return state
