"""Where a small luma plane moves: a background and a noise level for each cell, in real seconds.

Nothing here depends on the frame rate: backgrounds and noise levels follow the picture at rates per
second. A cell is a pixel of the small plane, some pixels wide in the source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import UInt8Array

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

PLANE_HEIGHT = 72  # rows at least: a person far away is several cells high
LEARNING_SECONDS = 1.0  # until background and noise are known
FORGET_SECONDS = 5.0  # after a longer gap the background is learnt anew

# Luma is compared as a logarithm, so that light that fades by a share changes all cells alike. One
# unit is a level of luma at 100; in the dark a level is several units.
_OFFSET = 16.0  # levels: below it, noise is not amplified further
_LOG = (np.log(np.arange(256) + _OFFSET) * (100 + _OFFSET)).astype(np.float32)
_UNITS_PER_LEVEL = ((100 + _OFFSET) / (np.arange(256) + _OFFSET)).astype(np.float32)

_MIN_LEVELS = 2.5  # of luma: less is what codecs change at a keyframe
_LEAST = np.float32(_MIN_LEVELS) * _UNITS_PER_LEVEL  # units, by level
_NOISE_FACTOR = 5.0  # noise levels that movement must exceed
_QUANTILE = 0.6  # of a cell's deviations is its noise: passers-by do not reach it, rain does
_NOISE_RATE = 1.5  # of the logarithm of the noise, per second
_BACKGROUND_SECONDS = 3.0  # in which the background approaches what is there
_LIGHT_SECONDS = 0.4  # in which it follows light that changes over a large area
_LIGHT_UNITS = 8.0  # of a cell that count for the light of its surroundings
_LIGHT_AREA = 1 / 3  # of the height: the side of those surroundings
_GLOBAL_SHARE = 0.45  # of all cells: more that differ at once are no object
_PERSISTENT_SECONDS = 0.3  # frames further apart need not agree on where something moves
_NEIGHBOURS = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """What a frame shows of movement.

    moving: (h, w) bool, the cells that moved
    global_change: so much differs at once that it is light or the camera: nothing is known of it
    learning: the background is not known yet
    """

    moving: BoolArray
    global_change: bool = False
    learning: bool = False


class MotionDetector:
    """Compares each plane of a stream with the background.

    ignored: (h, w) bool, cells in which movement does not count; None: no cells
    """

    def __init__(self, ignored: BoolArray | None = None) -> None:
        self._ignored = ignored
        self._seconds = -np.inf
        self._learnt_at = np.inf
        self._background = np.zeros((0, 0), np.float32)
        self._noise = self._background
        self._current = self._background
        self._differed = np.zeros((0, 0), np.uint8)  # cells of the previous plane

    def see(self, plane: UInt8Array, seconds: float) -> Movement:
        """Return what moves in the (h, w) plane of the frame at `seconds`, which never decrease."""
        elapsed = seconds - self._seconds
        current = np.asarray(cv2.LUT(plane, _LOG), np.float32)
        if plane.shape != self._background.shape or elapsed > FORGET_SECONDS:
            return self._begin(current, seconds)
        self._seconds, self._current = seconds, current
        difference = current - self._background
        light = _light(difference)
        deviation = difference - light
        size = np.abs(deviation)
        threshold = np.maximum(_NOISE_FACTOR * self._noise, cv2.LUT(plane, _LEAST))
        differs = size > threshold
        share = np.count_nonzero(differs) / differs.size
        learning = seconds < self._learnt_at
        if share > _GLOBAL_SHARE:
            self._background = current.copy()
            self._differed = np.zeros(plane.shape, np.uint8)
            self._learnt_at = max(self._learnt_at, seconds + LEARNING_SECONDS)
            return Movement(np.zeros(plane.shape, bool), global_change=True, learning=learning)
        self._adapt(deviation, light, size, threshold, elapsed, learning)
        return Movement(self._persistent(differs, elapsed), learning=learning)

    def absorb(self, cells: BoolArray) -> None:
        """Take what the last plane shows in these (h, w) cells for the background."""
        if cells.shape == self._background.shape:
            np.copyto(self._background, self._current, where=cells)

    def _begin(self, current: FloatArray, seconds: float) -> Movement:
        self._seconds, self._learnt_at = seconds, seconds + LEARNING_SECONDS
        self._background, self._current = current.copy(), current
        self._noise = np.ones_like(current)
        self._differed = np.zeros(current.shape, np.uint8)
        return Movement(np.zeros(current.shape, bool), learning=True)

    def _adapt(
        self,
        deviation: FloatArray,
        light: FloatArray,
        size: FloatArray,
        threshold: FloatArray,
        elapsed: float,
        learning: bool,
    ) -> None:
        """Let background and noise follow the picture.

        A deviation counts for no more than the threshold, so that a passer-by leaves no trace.
        """
        np.minimum(deviation, threshold, out=deviation)
        np.maximum(deviation, -threshold, out=deviation)
        self._background += (
            _share(elapsed, _BACKGROUND_SECONDS / (4 if learning else 1)) * deviation
        )
        self._background += _share(elapsed, _LIGHT_SECONDS) * light
        rate = _NOISE_RATE * min(elapsed, 0.5) * (4 if learning else 1)
        up, down = math.exp(rate * _QUANTILE), math.exp(-rate * (1 - _QUANTILE))
        self._noise *= np.where(size > self._noise, np.float32(up), np.float32(down))
        np.maximum(self._noise, 0.1, out=self._noise)

    def _persistent(self, differs: BoolArray, elapsed: float) -> BoolArray:
        """Return the cells that differ together with a neighbour, and did in the frame before."""
        cells = differs.view(np.uint8)
        near = cv2.boxFilter(cells, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        grouped = ((near >= 2) & differs).view(np.uint8)
        before, self._differed = self._differed, grouped
        moving = grouped.view(bool)
        if elapsed <= _PERSISTENT_SECONDS:
            moving = moving & cv2.dilate(before, _NEIGHBOURS, iterations=2).view(bool)
        return moving if self._ignored is None else moving & ~self._ignored


def _light(difference: FloatArray) -> FloatArray:
    """Return by how much the light of each cell's surroundings has changed, in units.

    A single cell counts for little, so that an object does not change the light around it.
    """
    overall = _median(difference[::3, ::3])
    side = 2 * int(difference.shape[0] * _LIGHT_AREA / 2) + 1
    clipped = np.minimum(difference - overall, _LIGHT_UNITS)
    np.maximum(clipped, -_LIGHT_UNITS, out=clipped)
    around = cv2.blur(clipped, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(around + overall, np.float32)


def _median(values: FloatArray) -> float:
    """Return what `np.median` does, which takes far longer: it also looks for NaN."""
    flat = values.ravel()
    low, high = (flat.size - 1) // 2, flat.size // 2
    flat = np.partition(flat, (low, high))
    return float((flat[low] + flat[high]) / 2)


def _share(elapsed: float, seconds: float) -> float:
    return -math.expm1(-elapsed / seconds)
