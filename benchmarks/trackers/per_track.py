"""ByteTrack written the straightforward way: one object per track, each with its own matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lap
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from detector.detections import Detections

Array = NDArray[np.float64]

STEP = np.eye(8) + np.diag(np.ones(4), 4)
LOOK = np.eye(4, 8)
HIGH, LOW, NEW, BUFFER = 0.6, 0.1, 0.7, 30


class Filter:
    """A Kalman filter of eight dimensions: centre, aspect ratio, height, and their velocities.

    It is written as usual: noise made at each call, products of three matrices, a Cholesky solution
    for the gain.
    """

    def __init__(self, measured: Array) -> None:
        h = measured[3]
        std = [
            2 * h / 20,
            2 * h / 20,
            1e-2,
            2 * h / 20,
            10 * h / 160,
            10 * h / 160,
            1e-5,
            10 * h / 160,
        ]
        self.mean = np.concatenate((measured, np.zeros(4)))
        self.covariance = np.diag(np.square(std))

    def predict(self) -> None:
        """Predict the next frame."""
        h = self.mean[3]
        of_position, of_velocity = [h / 20, h / 20, 1e-2, h / 20], [h / 160, h / 160, 1e-5, h / 160]
        noise = np.diag(np.square(np.concatenate((of_position, of_velocity))))
        self.mean = np.dot(STEP, self.mean)
        self.covariance = np.linalg.multi_dot((STEP, self.covariance, STEP.T)) + noise

    def correct(self, measured: Array) -> None:
        """Update with a measurement."""
        h = self.mean[3]
        noise = np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))
        projected = np.linalg.multi_dot((LOOK, self.covariance, LOOK.T)) + noise
        factor = cho_factor(projected, lower=True)
        gain = cho_solve(factor, np.dot(self.covariance, LOOK.T).T).T
        self.mean = self.mean + np.dot(measured - np.dot(LOOK, self.mean), gain.T)
        self.covariance = self.covariance - np.linalg.multi_dot((gain, projected, gain.T))


@dataclass
class Track:
    """One tracked object."""

    filter: Filter
    identity: int
    unseen: int = 0

    @property
    def box(self) -> list[float]:
        """Left, top, right, bottom."""
        x, y, aspect, h = self.filter.mean[:4]
        return [x - aspect * h / 2, y - h / 2, x + aspect * h / 2, y + h / 2]


class PerTrack:
    """ByteTrack with frame counts, dense cost matrices and a loop over filters."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self.last = 0

    def update(self, detections: Detections) -> list[tuple[int, list[float]]]:
        """Return identity and box of each confirmed track seen in this frame."""
        for track in self.tracks:
            track.filter.predict()
            track.unseen += 1
        boxes, scores = detections.boxes_xyxy.astype(float), detections.scores
        high = np.flatnonzero(scores >= HIGH).tolist()
        low = np.flatnonzero((scores >= LOW) & (scores < HIGH)).tolist()
        confirmed = [track for track in self.tracks if track.identity > 0]
        tentative = [track for track in self.tracks if track.identity < 0]
        left = self._match(confirmed, high, boxes, scores, 0.9)
        seen = [track for track in confirmed if track.unseen == 1]
        self._match(seen, low, boxes, np.ones_like(scores), 0.5)
        left = self._match(tentative, left, boxes, scores, 0.7)
        self.tracks = [t for t in confirmed if t.unseen <= BUFFER] + [
            t for t in tentative if not t.unseen
        ]
        for track in tentative:
            if not track.unseen:
                self.last += 1
                track.identity = self.last
        self.tracks += [Track(Filter(_measured(boxes[k])), -1) for k in left if scores[k] >= NEW]
        return [(t.identity, t.box) for t in self.tracks if not t.unseen and t.identity > 0]

    def _match(
        self,
        tracks: Sequence[Track],
        offered: Sequence[int],
        boxes: Array,
        scores: NDArray[np.float32],
        limit: float,
    ) -> list[int]:
        """Match, update the matched tracks, and return the detections that are left."""
        if not tracks or not offered:
            return list(offered)
        cost = 1 - _iou(np.array([t.box for t in tracks]), boxes[offered]) * scores[offered]
        _, partners, _ = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
        for track, partner in zip(tracks, partners, strict=True):
            if partner >= 0:
                track.filter.correct(_measured(boxes[offered[partner]]))
                track.unseen = 0
        taken = set(partners.tolist())
        return [k for i, k in enumerate(offered) if i not in taken]


def _measured(box: Array) -> Array:
    x0, y0, x1, y1 = box
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / (y1 - y0), y1 - y0])


def _iou(boxes: Array, others: Array) -> Array:
    """Return (n, m) intersection over union."""
    corner = np.maximum(boxes[:, None, :2], others[:, :2])
    opposite = np.minimum(boxes[:, None, 2:], others[:, 2:])
    shared = np.clip(opposite - corner, 0, None).prod(axis=2)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, others)]
    return np.asarray(shared / (areas[0][:, None] + areas[1] - shared))
