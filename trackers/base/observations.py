"""Tracks that remember what was really seen: for who trusts observations over estimates."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.assignment import Pairs
from trackers.base.box_motion import Motion
from trackers.base.kalman import STEPS_PER_SECOND, Float64Array, KalmanState
from trackers.base.track_table import TrackTable
from trackers.tracks import Affine

REPLAY_STEPS = 10  # at most; more make no difference that matters, and cost as much again each


@dataclass(frozen=True, slots=True)
class ObservedTable(TrackTable):
    """Tracks with their last observation, and where they came from.

    sighting: the motion as it was right after the last match
    observed: (n, 4) float32, the box of that detection
    origin, next_origin: (n, 2) float64, centres of two earlier observations: where the heading is
        taken from, and where it will be taken from next
    next_origin_at: (n,) float64, seconds of the latter
    """

    sighting: KalmanState
    observed: Float32Array
    origin: Float64Array
    next_origin: Float64Array
    next_origin_at: Float64Array

    @classmethod
    def born(cls, motion: KalmanState, detections: Detections, seconds: float) -> ObservedTable:
        """Return new tracks, one for each detection, none of them confirmed."""
        plain = TrackTable.born(motion, detections, seconds)
        centres = centres_of(detections.boxes_xyxy)
        return cls(
            **{field.name: getattr(plain, field.name) for field in fields(plain)},
            sighting=motion,
            observed=detections.boxes_xyxy,
            origin=centres,
            next_origin=centres,
            next_origin_at=plain.seen_at,
        )

    @property
    def heading(self) -> Float64Array:
        """(n, 2) pixels from the origin to the last observation; 0 if there is but one."""
        return centres_of(self.observed) - self.origin

    def sighted(
        self, motion: KalmanState, rows: Int64Array, found: Detections, seconds: float, span: float
    ) -> ObservedTable:
        """Return the tracks after those in `rows` (m,) were matched to what was `found`.

        span: seconds over which the heading is taken, at least, if the track is as old
        """
        older = TrackTable.updated(self, motion, rows, found, seconds)
        sighting, observed = self.sighting.planes.copy(), self.observed.copy()
        sighting[:, :, rows], observed[rows] = motion.planes[:, :, rows], found.boxes_xyxy
        due = rows[seconds - self.next_origin_at[rows] >= span]
        origin, next_origin = self.origin.copy(), self.next_origin.copy()
        next_origin_at = self.next_origin_at.copy()
        origin[due] = next_origin[due]
        next_origin[due], next_origin_at[due] = centres_of(observed[due]), seconds
        return replace(
            older,
            sighting=KalmanState(sighting),
            observed=observed,
            origin=origin,
            next_origin=next_origin,
            next_origin_at=next_origin_at,
        )

    def moved(self, motion: Motion, camera: Affine) -> ObservedTable:
        """Return the tracks with their observations where they are after the camera moved."""
        corners = self.observed.reshape(-1, 2) @ camera[:, :2].T + camera[:, 2]
        return replace(
            TrackTable.moved(self, motion, camera),
            sighting=motion.moved(self.sighting, camera),
            observed=corners.reshape(-1, 4).astype(np.float32),
            origin=self.origin @ camera[:, :2].T + camera[:, 2],
            next_origin=self.next_origin @ camera[:, :2].T + camera[:, 2],
        )


def centres_of(boxes_xyxy: Float32Array) -> Float64Array:
    """Return (n, 2) the centres of (n, 4) boxes."""
    return (boxes_xyxy[:, :2].astype(np.float64) + boxes_xyxy[:, 2:]) / 2


def consistency(tracks: ObservedTable, found: Detections, pairs: Pairs) -> Float64Array:
    """Return (k,) how well each pair goes on in the direction of its track, -1/2 to 1/2.

    It is 1/2 straight on, 0 at a right angle, and 0 where there is no direction.
    """
    ahead = tracks.heading[pairs.rows]
    there = centres_of(found.boxes_xyxy)[pairs.columns] - tracks.origin[pairs.rows]
    lengths = np.hypot(*ahead.T) * np.hypot(*there.T)
    known = lengths > 0
    cosine = (ahead * there).sum(axis=1)[known] / lengths[known]
    agreement = np.zeros(len(pairs))
    agreement[known] = 1 / 2 - np.arccos(np.clip(cosine, -1, 1)) / np.pi
    return agreement


def replayed(
    tracks: ObservedTable, rows: Int64Array, found: Detections, seconds: float, motion: Motion
) -> KalmanState:
    """Return the motion of tracks (m,) found again, as if they had been seen all along.

    The filter goes back to the last sighting and is given boxes on the straight line from there
    to what was `found` (OC-SORT's observation-centric re-update), but for the last of them.
    """
    state, elapsed = tracks.sighting[rows], seconds - tracks.seen_at[rows]
    begin, end = tracks.observed[rows], found.boxes_xyxy
    steps = min(REPLAY_STEPS, max(1, round(float(elapsed.max()) * STEPS_PER_SECOND)))
    everyone, seen = np.arange(len(rows)), np.ones(len(rows), bool)
    for step in range(1, steps + 1):
        state = motion.predict(state, elapsed / steps, seen)
        if step < steps:
            state = motion.correct(state, everyone, begin + (end - begin) * (step / steps))
    return state
