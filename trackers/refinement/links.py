"""Tracks that continue each other after a gap, judged by their motion on both sides of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array
from trackers.base.assignment import Pairs, assign
from trackers.base.kalman import Float64Array
from trackers.motchallenge.text import MotRows
from trackers.refinement.tracklets import Tracklets, by_identity

MAX_GAP_SECONDS = 1.5
MOTION_SECONDS = 0.6  # at each end of a track, from which its velocity is estimated
MIN_BOXES = 3  # of a track; the direction of a shorter one is unknown
MIN_HEIGHT_RATIO = 0.6  # of the lower track to the higher
OFFSET = 0.3  # heights by which predictions may miss after no time
OFFSET_PER_SECOND = 0.25  # more heights, for each second of the gap


def linked(tracklets: Tracklets, seconds: Float64Array) -> Tracklets:
    """Return the tracks joined across gaps of at most 1.5 s.

    Each end is predicted at constant velocity to the other side of the gap; the mean distance of
    both predictions decides.
    seconds: of the rows
    """
    rows = tracklets.result.rows
    tracks = [each for each in by_identity(rows) if len(each) >= MIN_BOXES]
    if not tracks:
        return tracklets
    starts = _Ends.of(rows, seconds, tracks, first=True)
    ends = _Ends.of(rows, seconds, tracks, first=False)
    earlier, later = _near_in_time(ends.seconds, starts.seconds)
    gap = starts.seconds[later] - ends.seconds[earlier]
    height = (ends.heights[earlier] + starts.heights[later]) / 2
    onward = ends.centres[earlier] + ends.velocities[earlier] * gap[:, None]
    backward = starts.centres[later] - starts.velocities[later] * gap[:, None]
    misses = np.linalg.norm(onward - starts.centres[later], axis=1)
    misses += np.linalg.norm(backward - ends.centres[earlier], axis=1)
    cost = misses / 2 / height / (OFFSET + OFFSET_PER_SECOND * gap)
    possible = _alike(ends, earlier, starts, later)
    pairs = Pairs(earlier[possible], later[possible], cost[possible])
    made = pairs[assign(pairs, pairs.iou, 1.0)]
    identities = np.array([rows.ids[each[0]] for each in tracks])
    following = zip(identities[made.rows].tolist(), identities[made.columns].tolist(), strict=True)
    return tracklets.joined(dict(following))


@dataclass(frozen=True, slots=True)
class _Ends:
    """The same end of n tracks.

    seconds: (n,); centres: (n, 2) pixels; velocities: (n, 2) pixels per second
    heights: (n,) pixels; class_ids: (n,)
    """

    seconds: Float64Array
    centres: Float64Array
    velocities: Float64Array
    heights: Float64Array
    class_ids: Int64Array

    @classmethod
    def of(
        cls, rows: MotRows, seconds: Float64Array, tracks: list[Int64Array], *, first: bool
    ) -> _Ends:
        """Return the first, or the last, ends of tracks, given as the positions of their rows."""
        at = np.array([each[0 if first else -1] for each in tracks])
        fits = []
        for end, track in zip(at, tracks, strict=True):
            near = track[abs(seconds[track] - seconds[end]) <= MOTION_SECONDS]
            boxes = rows.boxes_xyxy[near]
            centres = (boxes[:, :2] + boxes[:, 2:]) / 2
            height = np.median(boxes[:, 3] - boxes[:, 1])
            velocity = _slope(centres, seconds[near])
            fits.append((*centres[0 if first else -1], *velocity, height))
        values = np.array(fits)
        return cls(seconds[at], values[:, :2], values[:, 2:4], values[:, 4], rows.class_ids[at])


def _slope(points: Float64Array, seconds: Float64Array) -> Float64Array:
    """Return the velocity of the line fitted to (n, 2) points, at least three; else 0."""
    offsets = seconds - seconds.mean()
    spread = float(offsets @ offsets)
    if len(points) < MIN_BOXES or spread <= 0:
        return np.zeros(2)
    return np.asarray(offsets @ points / spread)


def _near_in_time(ends: Float64Array, starts: Float64Array) -> tuple[Int64Array, Int64Array]:
    """Return all pairs of a track and one that starts after its end, at most 1.5 s later."""
    order = np.argsort(starts, kind="stable")
    first = np.searchsorted(starts[order], ends, side="right")
    last = np.searchsorted(starts[order], ends + MAX_GAP_SECONDS, side="right")
    counts = last - first
    earlier = np.repeat(np.arange(len(ends)), counts)
    within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return earlier, order[np.repeat(first, counts) + within]


def _alike(ends: _Ends, earlier: Int64Array, starts: _Ends, later: Int64Array) -> NDArray[np.bool_]:
    """Return which pairs have one class and about one height."""
    heights = np.stack((ends.heights[earlier], starts.heights[later]))
    heights_fit = heights.min(axis=0) >= MIN_HEIGHT_RATIO * heights.max(axis=0)
    alike: NDArray[np.bool_] = heights_fit & (ends.class_ids[earlier] == starts.class_ids[later])
    return alike
