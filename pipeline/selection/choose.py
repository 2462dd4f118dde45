"""The choice of frames: interesting ones that differ from each other, spread over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array, UInt8Array

Float64Array = NDArray[np.float64]


def chosen(
    interest: Float64Array, planes: UInt8Array, seconds: Float64Array, count: int
) -> Int64Array:
    """Return the positions of `count` of m frames, in order; all if there are no more.

    One frame after the other is taken: the one with the highest sum of its interest, its novelty
    and 1, times its distance in time from those that are taken. The same input gives the same
    frames; of equal ones the earliest is taken.

    interest: (m,) from 0 to 1; planes: (m, h, w) small grey pictures; seconds: (m,) increasing
    """
    looks = _looks(planes)
    usual_gap = (seconds[-1] - seconds[0]) / count if len(seconds) else 0.0
    novelty, distance = np.ones(len(looks)), np.ones(len(looks))
    taken: list[int] = []
    free = np.ones(len(looks), bool)
    while len(taken) < min(count, len(looks)):
        values = (interest + novelty + 1) * distance
        best = int(np.where(free, values, -1).argmax())
        taken.append(best)
        free[best] = False
        difference = np.sqrt(np.square(looks - looks[best]).mean(axis=1)) / 2
        novelty = np.minimum(novelty, difference)
        if usual_gap > 0:
            distance = np.minimum(distance, abs(seconds - seconds[best]) / usual_gap)
    return np.sort(np.array(taken, np.int64))


def _looks(planes: UInt8Array) -> Float64Array:
    """Return (m, h * w) pictures without their brightness and contrast, as rows."""
    rows = planes.reshape(len(planes), planes[:1].size or 1).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    spread = rows.std(axis=1, keepdims=True)
    return np.asarray(np.divide(rows, spread, out=np.zeros_like(rows), where=spread > 0))
