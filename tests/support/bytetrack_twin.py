"""A slow twin of ByteTrack: one object per track, 8 x 8 matrices, loops, dense cost matrices.

It follows the paper and the usual order of steps, with the choices of `trackers.bytetrack`:
identities at confirmation, classes matched separately, a buffer in seconds. Time is counted in
steps of 1/30 s, which are predicted one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detector.detections import Detections

Array = NDArray[np.float64]
Box = Sequence[float]
Output = list[tuple[int, int, float, list[float]]]  # identity, class, score, box

STEP = np.eye(8) + np.diag(np.ones(4), 4)  # one step of 1/30 s: position += velocity
LOOK = np.eye(4, 8)


class MatrixFilter:
    """The filter of DeepSORT for one box: cx, cy, aspect ratio, height and their velocities."""

    def __init__(self, measured: Array) -> None:
        h = measured[3]
        self.mean = np.concatenate((measured, np.zeros(4)))
        self.covariance = np.diag(
            np.square([h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16])
        )

    def predict(self, steps: int) -> None:
        h = self.mean[3]
        noise = np.diag(np.square([h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160]))
        for _ in range(steps):
            self.mean = STEP @ self.mean
            self.covariance = STEP @ self.covariance @ STEP.T + noise

    def correct(self, measured: Array) -> None:
        h = self.mean[3]
        noise = np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))
        total = LOOK @ self.covariance @ LOOK.T + noise
        gain = self.covariance @ LOOK.T @ np.linalg.inv(total)
        self.mean = self.mean + gain @ (measured - LOOK @ self.mean)
        self.covariance = self.covariance - gain @ total @ gain.T


def measured(box: Box) -> Array:
    x0, y0, x1, y1 = map(float, box)
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / (y1 - y0), y1 - y0])


def iou(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    both = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b))
    return shared / (both - shared)


@dataclass
class SlowTrack:
    filter: MatrixFilter
    score: float
    class_id: int
    born: int
    seen_at: int
    id: int = -1
    seen: bool = True

    @property
    def box(self) -> list[float]:
        x, y, aspect, h = self.filter.mean[:4].tolist()
        return [x - aspect * h / 2, y - h / 2, x + aspect * h / 2, y + h / 2]


@dataclass(frozen=True)
class SlowDetection:
    box: list[float]
    score: float
    class_id: int


def slow_detections(detections: Detections) -> list[SlowDetection]:
    """Return them as objects, one each."""
    return [
        SlowDetection(box, score, class_id)
        for box, score, class_id in zip(
            detections.boxes_xyxy.tolist(),
            detections.scores.tolist(),
            detections.class_ids.tolist(),
            strict=True,
        )
    ]


class SlowByteTrack:
    """The same tracker as `trackers.bytetrack.ByteTrack`, for times in whole 1/30 s."""

    def __init__(self, buffer_steps: int = 30, class_aware: bool = True) -> None:
        self.high, self.low, self.new = np.array([0.6, 0.1, 0.7], np.float32).tolist()
        self.buffer_steps, self.class_aware = buffer_steps, class_aware
        self.tracks: list[SlowTrack] = []
        self.last_id = 0
        self.now: int | None = None

    def update(self, detections: Detections, now: int) -> Output:
        first = self.now is None
        elapsed = now - (now if self.now is None else self.now)
        self.tracks = [t for t in self.tracks if t.seen or now - t.seen_at <= self.buffer_steps]
        was_seen = {id(t): t.seen for t in self.tracks}
        for t in self.tracks:
            if not t.seen:
                t.filter.mean[7] = 0
            t.filter.predict(elapsed)
            t.seen = False
        found = slow_detections(detections)
        high = [d for d in found if d.score >= self.high]
        low = [d for d in found if self.low <= d.score < self.high]
        confirmed = [t for t in self.tracks if t.id > 0]
        tentative = [t for t in self.tracks if t.id < 0]
        left = self.match(confirmed, high, 0.9, now, fused=True)
        seen_before = [t for t in confirmed if not t.seen and was_seen[id(t)]]
        self.match(seen_before, low, 0.5, now, fused=False)
        left = self.match(tentative, left, 0.7, now, fused=True)
        self.tracks = [t for t in self.tracks if t.seen or t.id > 0]
        for t in self.tracks:
            if t.id < 0:
                t.id = self.next_id()
        for d in left:
            if d.score >= self.new:
                track = SlowTrack(MatrixFilter(measured(d.box)), d.score, d.class_id, now, now)
                track.id = self.next_id() if first else -1
                self.tracks.append(track)
        self.drop_duplicates()
        self.now = now
        return [(t.id, t.class_id, t.score, t.box) for t in self.tracks if t.seen]

    def match(
        self,
        tracks: list[SlowTrack],
        found: list[SlowDetection],
        limit: float,
        now: int,
        fused: bool,
    ) -> list[SlowDetection]:
        """Match, update the matched tracks, and return the detections that are left."""
        gain = np.zeros((len(tracks), len(found)))
        for i, t in enumerate(tracks):
            for k, d in enumerate(found):
                overlap = iou(t.box, d.box) * (d.score if fused else 1)
                if not self.class_aware or t.class_id == d.class_id:
                    gain[i, k] = max(
                        0.0, limit - (1 - overlap)
                    )  # of the pair, over leaving both unmatched
        taken = set()
        for i, k in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[i, k] > 0:
                self.matched(tracks[i], found[k], now)
                taken.add(k)
        return [d for k, d in enumerate(found) if k not in taken]

    def matched(self, track: SlowTrack, detection: SlowDetection, now: int) -> None:
        track.filter.correct(measured(detection.box))
        track.score, track.class_id = detection.score, detection.class_id
        track.seen, track.seen_at = True, now

    def drop_duplicates(self) -> None:
        dropped: set[int] = set()
        seen, lost = ([t for t in self.tracks if t.seen is was] for was in (True, False))
        for a in seen:
            for b in lost:
                same_class = not self.class_aware or a.class_id == b.class_id
                if same_class and iou(a.box, b.box) > 0.85:
                    a_is_older = a.seen_at - a.born > b.seen_at - b.born
                    dropped.add(id(b if a_is_older else a))
        self.tracks = [t for t in self.tracks if id(t) not in dropped]

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id
