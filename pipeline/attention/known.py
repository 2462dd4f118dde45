"""What the last look has shown: objects with their speed, and how long each can be trusted.

Boxes are extrapolated by constant speed. How wrong that was is seen at each look, and decides how
soon the object must be looked at again: an object that brakes or turns is looked at more often, one
that moves evenly or stands still less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trackers.tracks import Tracks, TrackState

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

TOLERANCE = 0.05  # of its size: an extrapolated box that is further off was not to be trusted
MIN_INTERVAL = 0.04  # seconds: what is new or astray is looked at in every frame
YOUNG_SECONDS = 0.4  # age up to which the speed of a track is a guess
YOUNG_INTERVAL = 0.08
LOST_INTERVAL = 0.12  # a track that the last look has not found may be found by the next one
LOST_SECONDS = 0.5  # after which it is given up
CLOSE_INTERVAL = 0.12  # of objects that overlap and move, and of those that leave the frame
MOVING_INTERVAL = 0.25  # of whatever moves: it may stop or turn at any moment
GROWTH = 1.5  # factor by which an interval grows after a look that found what was expected
EDGE_PIXELS = 2  # from the edge of the frame: a box that is nearer is cut off
SPEED_SECONDS = 0.15  # over which a speed is averaged
STILL = 0.08  # of its size per second: a slower object stands still


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The objects of the last look, one row each.

    seconds: of that look
    ids: (n,) int64, -1 for a track that is not confirmed
    boxes: (n, 4), source pixels; speeds: (n, 4), of the edges, per second
    born_at, found_at: (n,) seconds of the first look and the last one that found it
    intervals: (n,) seconds after which it must be looked at again
    moving: (n,) bool, which of them move, or may
    """

    seconds: float
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    boxes: FloatArray = field(default_factory=lambda: np.zeros((0, 4)))
    speeds: FloatArray = field(default_factory=lambda: np.zeros((0, 4)))
    born_at: FloatArray = field(default_factory=lambda: np.zeros(0))
    found_at: FloatArray = field(default_factory=lambda: np.zeros(0))
    intervals: FloatArray = field(default_factory=lambda: np.zeros(0))
    moving: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        speed = np.abs(self.speeds / _sizes(self.boxes)).max(axis=1, initial=0)
        young = self.seconds - self.born_at < YOUNG_SECONDS
        object.__setattr__(self, "moving", (speed > STILL) | young)

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, seconds: float) -> FloatArray:
        """Return the (n, 4) boxes extrapolated to a time."""
        return self.boxes + self.speeds * (seconds - self.seconds)

    @property
    def interval(self) -> float:
        """Seconds from the last look to the next one that an object needs; infinite for none."""
        return float(self.intervals.min(initial=np.inf))

    def after(self, tracks: Tracks, seconds: float, size: tuple[int, int]) -> Known:
        """Return what is known after another look.

        size: width and height of the frame
        """
        found = tracks[tracks.states != TrackState.LOST]
        before = [self._row(identity) for identity in found.ids.tolist()]
        rows = np.array(before, np.int64).reshape(-1)
        boxes = found.boxes_xyxy.astype(np.float64)
        elapsed = seconds - self.seconds
        known = np.asarray(rows >= 0)
        speeds = np.zeros_like(boxes)
        born_at = np.full(len(rows), seconds)
        intervals = np.full(len(rows), MIN_INTERVAL)
        if known.any() and elapsed > 0:
            old = rows[known]
            born_at[known] = self.born_at[old]
            error = boxes[known] - self.at(seconds)[old]
            young = seconds - born_at[known] < YOUNG_SECONDS
            speeds[known] = self._speeds(old, boxes[known], seconds, young)
            wrong = np.abs(error / _sizes(boxes[known])).max(axis=1)
            trusted = _intervals(self.intervals[old], wrong, elapsed)
            intervals[known] = np.where(young, np.minimum(trusted, YOUNG_INTERVAL), trusted)
        lost = self._lost(found.ids, seconds)
        result = Known(
            seconds,
            np.concatenate((found.ids, self.ids[lost])),
            np.concatenate((boxes, self.at(seconds)[lost])),
            np.concatenate((speeds, self.speeds[lost])),
            np.concatenate((born_at, self.born_at[lost])),
            np.concatenate((np.full(len(rows), seconds), self.found_at[lost])),
            np.concatenate((intervals, np.full(len(lost), LOST_INTERVAL))),
        )
        close = result.moving & (_overlapping(result.boxes) | _at_edge(result.boxes, size))
        np.minimum(result.intervals, MOVING_INTERVAL, out=result.intervals, where=result.moving)
        np.minimum(result.intervals, CLOSE_INTERVAL, out=result.intervals, where=close)
        return result

    def _row(self, identity: int) -> int:
        """Return the row of a confirmed track, -1 if it has none."""
        if identity < 0:
            return -1
        rows = np.flatnonzero(self.ids == identity)
        return int(rows[0]) if len(rows) else -1

    def _lost(self, found: NDArray[np.int64], seconds: float) -> NDArray[np.int64]:
        """Return the rows of confirmed tracks that this look has not found, but the next may."""
        recent = seconds - self.found_at <= LOST_SECONDS
        return np.flatnonzero((self.ids > 0) & recent & ~np.isin(self.ids, found))

    def _speeds(
        self, rows: NDArray[np.int64], boxes: FloatArray, seconds: float, young: BoolArray
    ) -> FloatArray:
        """Return the speeds of known objects that are at these boxes now."""
        elapsed = seconds - self.seconds
        measured = (boxes - self.boxes[rows]) / elapsed
        weight = np.where(young, 0.6, 1 - np.exp(-elapsed / SPEED_SECONDS))[:, None]
        before = self.speeds[rows]
        return np.asarray(before + weight * (measured - before))


def _intervals(before: FloatArray, wrong: FloatArray, elapsed: float) -> FloatArray:
    """Return (n,) for how long objects can be trusted, if they were off by `wrong` (n,).

    An error grows with the square of the time, as that of a speed that changes evenly.
    """
    bearable = elapsed * np.sqrt(TOLERANCE / np.maximum(wrong, 1e-6))
    longer = np.maximum(before, np.minimum(bearable, GROWTH * elapsed))
    return np.maximum(np.where(wrong <= TOLERANCE, longer, bearable), MIN_INTERVAL)


def _sizes(boxes: FloatArray) -> FloatArray:
    """Return (n, 4) width, height, width, height, at least a pixel."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    return np.concatenate((sides, sides), axis=1)


def _overlapping(boxes: FloatArray) -> BoolArray:
    """Return (n,), which boxes overlap another one."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = np.asarray((high > low).all(axis=2))
    np.fill_diagonal(both, False)
    return np.asarray(both.any(axis=1))


def _at_edge(boxes: FloatArray, size: Sequence[int]) -> BoolArray:
    """Return (n,), which boxes touch the edge of the frame."""
    before = (boxes[:, :2] <= EDGE_PIXELS).any(axis=1)
    beyond = (boxes[:, 2:] >= np.subtract(size, EDGE_PIXELS)).any(axis=1)
    return np.asarray(before | beyond)
