"""Lane written slowly: one object per track, 8 x 8 matrices, loops, whole cost matrices.

It follows the docstrings of `trackers.lane` and `trackers.base.agile_motion`. Time advances in
whole steps of 1/30 s.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detector.detections import Detections
from tests.support.bytetrack_twin import LOOK, STEP, SlowDetection, slow_detections
from trackers.base import agile_motion
from trackers.base.agile_table import LEAST_SCORE, TREND_SECONDS
from trackers.lane import (
    ALONE_CREDIT,
    DETECTED_SHARE,
    FAST_SECONDS,
    HIDDEN,
    LOST_COST,
    LOST_CREDIT,
    MAX_REACH,
    SLOW_CREDIT,
    SLOW_SECONDS,
    UNCERTAINTY_REACH,
)

Array = NDArray[np.float64]
Output = list[tuple[int, int, float, bool, list[float]]]  # identity, class, score, seen, box


@dataclass(frozen=True)
class Options:
    """The defaults of Lane; times in steps of 1/30 s."""

    high: float
    low: float
    new: float
    match: float
    low_match: float
    tentative_match: float
    height_weight: float
    foot_weight: float
    score_weight: float
    reach_per_second: float
    low_score_seconds: float
    hidden_seconds: float
    buffer_seconds: float
    class_aware: bool


def measured(box: list[float]) -> Array:
    x0, y0, x1, y1 = box
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])


@dataclass
class SlowTrack:
    mean: Array
    covariance: Array
    score: float
    class_id: int
    seen_at: int
    detected: list[float]
    id: int = -1
    seen: bool = True
    earlier_score: float = field(default=0.0)
    agility: float = 0.0

    @property
    def box(self) -> list[float]:
        x, y, w, h = self.mean[:4].tolist()
        return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]

    @property
    def output_box(self) -> list[float]:
        """The filtered box, moved towards the detected one if there is one."""
        share = DETECTED_SHARE if self.seen else 0.0
        pairs = zip(self.box, self.detected, strict=True)
        return [(1 - share) * filtered + share * detected for filtered, detected in pairs]

    @property
    def size(self) -> Array:
        """Width, height, width, height."""
        return self.mean[[2, 3, 2, 3]]

    def predict(self, steps: int) -> None:
        seconds = steps / 30
        for side in (2, 3):
            if self.mean[side] + steps * self.mean[4 + side] <= 1:
                self.mean[4 + side] = 0
        if not self.seen:
            self.mean[4:] *= math.exp(-agile_motion.DAMPING * seconds)
        size = self.size * math.exp(self.agility)
        std = size / 20 / agile_motion.STEADINESS
        velocity_std = size / 160 / agile_motion.VELOCITY_STEADINESS[:, 0]
        noise = np.diag(np.square(np.concatenate((std, velocity_std))))
        for _ in range(steps):
            self.mean = STEP @ self.mean
            self.covariance = STEP @ self.covariance @ STEP.T + noise

    def correct(self, box: list[float], score: float) -> None:
        relative = agile_motion.SURE_STD + agile_motion.UNSURE_STD * (1 - score)
        variance = (relative * self.size) ** 2 + agile_motion.PIXEL_STD**2
        total = LOOK @ self.covariance @ LOOK.T + np.diag(variance)
        innovation = measured(box) - LOOK @ self.mean
        surprise = float(np.mean(innovation**2 / np.diag(total)))
        gain = self.covariance @ LOOK.T @ np.linalg.inv(total)
        self.mean = self.mean + gain @ innovation
        self.covariance = self.covariance - gain @ total @ gain.T
        expected = agile_motion.EXPECTED_SURPRISE
        step = agile_motion.ADAPTATION * (surprise - expected) / (surprise + expected)
        self.agility = min(
            agile_motion.MAX_AGILITY, max(agile_motion.MIN_AGILITY, self.agility + step)
        )


def new_track(detection: SlowDetection, now: int) -> SlowTrack:
    mean = np.concatenate((measured(detection.box), np.zeros(4)))
    size = mean[[2, 3, 2, 3]]
    covariance = np.diag(np.square(np.concatenate((size / 10, size / 16))))
    return SlowTrack(
        mean,
        covariance,
        detection.score,
        detection.class_id,
        now,
        detection.box,
        earlier_score=detection.score,
    )


def length(low: float, high: float, other_low: float, other_high: float) -> float:
    """Return the length that two intervals share."""
    return max(0.0, min(high, other_high) - max(low, other_low))


def expanded(box: list[float], reach: tuple[float, float]) -> list[float]:
    dx, dy = (box[2] - box[0]) * reach[0], (box[3] - box[1]) * reach[1]
    return [box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy]


def shared_area(a: list[float], b: list[float]) -> float:
    return length(a[0], a[2], b[0], b[2]) * length(a[1], a[3], b[1], b[3])


def area(box: list[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


class SlowLane:
    """The same tracker as `trackers.lane.Lane`, for times in whole 1/30 s."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.tracks: list[SlowTrack] = []
        self.last_id = 0
        self.now: int | None = None
        self.alone: set[tuple[int, int]] = set()  # tracks and detections near nothing else

    def update(self, detections: Detections, now: int) -> Output:
        options, first = self.options, self.now is None
        elapsed = now - (now if self.now is None else self.now)
        self.tracks = [
            t for t in self.tracks if t.seen or self.since(t, now) <= options.buffer_seconds + 1e-6
        ]
        for t in self.tracks:
            t.predict(elapsed)
        found = slow_detections(detections)
        high = [d for d in found if d.score >= options.high]
        low = [d for d in found if options.low <= d.score < options.high]
        confirmed = [t for t in self.tracks if t.id > 0]
        tentative = [t for t in self.tracks if t.id < 0]
        recent = [
            t for t in confirmed if t.seen or self.since(t, now) <= options.low_score_seconds + 1e-6
        ]
        self.alone = self.lone_pairs(found, now, elapsed)
        matches = self.match(confirmed, high, options.match, now, elapsed)
        taken = {id(d) for _, d in matches} | {id(t) for t, _ in matches}
        recent = [t for t in recent if id(t) not in taken]
        matches += self.match(recent, low, options.low_match, now, elapsed)
        high = [d for d in high if id(d) not in taken]
        matches += self.match(tentative, high, options.tentative_match, now, elapsed)
        taken = {id(d) for _, d in matches}
        for t in self.tracks:
            t.seen = False
        for t, d in matches:
            t.correct(d.box, d.score)
            t.earlier_score, t.score, t.class_id = t.score, d.score, d.class_id
            t.seen, t.seen_at, t.detected = True, now, d.box
        self.tracks = [t for t in self.tracks if t.seen or t.id > 0]
        for t in self.tracks:
            t.id = t.id if t.id > 0 else self.next_id()
        starts = []
        for d in found:
            limit = options.new if first or self.is_tracked(d) else options.high
            if id(d) not in taken and d.score >= limit:
                track = new_track(d, now)
                track.id = self.next_id() if first else -1
                starts.append(track)
        self.tracks += starts
        self.now = now
        return [
            (t.id, t.class_id, t.score, t.seen, t.output_box)
            for t in self.tracks
            if t.seen or self.is_hidden(t, now)
        ]

    def is_tracked(self, detection: SlowDetection) -> bool:
        """Return whether there is a track that the detection may be a double of."""
        aware = self.options.class_aware
        return any(not aware or t.class_id == detection.class_id for t in self.tracks)

    def lone_pairs(
        self, found: list[SlowDetection], now: int, elapsed: int
    ) -> set[tuple[int, int]]:
        """Return the pairs of a track and a detection that have nothing else near them."""
        near = [
            (id(t), id(d))
            for t in self.tracks
            for d in found
            if self.cost(t, d, now, elapsed) < math.inf
        ]
        choices, rivals = Counter(t for t, _ in near), Counter(d for _, d in near)
        return {(t, d) for t, d in near if choices[t] == rivals[d] == 1}

    @staticmethod
    def since(track: SlowTrack, now: int) -> float:
        return (now - track.seen_at) / 30

    def match(
        self,
        tracks: list[SlowTrack],
        found: list[SlowDetection],
        limit: float,
        now: int,
        elapsed: int,
    ) -> list[tuple[SlowTrack, SlowDetection]]:
        gain = np.zeros((len(tracks), len(found)))
        for i, t in enumerate(tracks):
            for k, d in enumerate(found):
                gain[i, k] = max(0.0, limit - self.cost(t, d, now, elapsed))
        pairs = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
        return [(tracks[i], found[k]) for i, k in pairs if gain[i, k] > 0]

    def cost(self, track: SlowTrack, detection: SlowDetection, now: int, elapsed: int) -> float:
        """Return what it costs to take the one for the other; infinite if they are apart."""
        options = self.options
        if options.class_aware and track.class_id != detection.class_id:
            return math.inf
        base = options.reach_per_second * elapsed / 30
        std = np.sqrt(np.diag(track.covariance))
        reach = (
            min(MAX_REACH, base + UNCERTAINTY_REACH * float(std[0] / track.mean[2])),
            min(MAX_REACH, base + UNCERTAINTY_REACH * float(std[1] / track.mean[3])),
        )
        a, b = expanded(track.box, reach), expanded(detection.box, reach)
        shared = shared_area(a, b)
        if shared <= 0:
            return math.inf
        iou = shared / (area(a) + area(b) - shared)
        heights = length(a[1], a[3], b[1], b[3]) / (max(a[3], b[3]) - min(a[1], b[1]))
        tallest = max(track.mean[3], detection.box[3] - detection.box[1])
        feet = abs(track.box[3] - detection.box[3]) / tallest
        likeness = iou * heights**options.height_weight * math.exp(-options.foot_weight * feet)
        slowness = min(1.0, max(0.0, (elapsed / 30 - FAST_SECONDS) / (SLOW_SECONDS - FAST_SECONDS)))
        credit = SLOW_CREDIT * slowness
        if detection.score >= options.high:
            likeness *= detection.score
            if track.seen and (id(track), id(detection)) in self.alone:
                credit += ALONE_CREDIT
        ahead = min(1.0, TREND_SECONDS * 30 / elapsed) if elapsed else 1.0
        trend = track.score - track.earlier_score
        expected = min(1.0, max(LEAST_SCORE, track.score + ahead * trend))
        cost = 1 - likeness + options.score_weight * abs(expected - detection.score) - credit
        if not track.seen:
            cost += LOST_COST * self.since(track, now) - LOST_CREDIT
        return float(cost)

    def is_hidden(self, track: SlowTrack, now: int) -> bool:
        if track.id < 0 or self.since(track, now) > self.options.hidden_seconds + 1e-6:
            return False
        covered = [shared_area(track.box, t.box) / area(track.box) for t in self.tracks if t.seen]
        return max(covered, default=0.0) >= HIDDEN

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id
