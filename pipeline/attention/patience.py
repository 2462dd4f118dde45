"""How long movement waits for a look: longer where looks have found nothing, or nothing sure."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.attention.motion import BoolArray

VAIN_SECONDS = 0.06, 0.24  # from the first to the longest, for new movement after looks in vain
VAIN_GROWTH = 1.2  # factor after each further one
VAIN_RELIEF_SECONDS = 1.0  # in which that wait falls to a third
FIRST_SECONDS = 0.1  # after the first look at it that gave nothing
GROWTH = 1.5  # factor after each further one
DOUBT_SECONDS, DOUBT_GROWTH = 0.04, 1.2  # the same where a look leaves a doubt
DOUBT_LASTS = 0.3  # seconds, if further looks find nothing in what moves there
GROWN, FEW = 2, 4  # movement of twice as many cells, and a few, is other than what was in vain
RELIEF_SECONDS = 10.0  # in which patience falls to a third where nothing was looked at in vain
_NEIGHBOURS = np.ones((3, 3), np.uint8)


class Patience:
    """Seconds that movement waits after a look, for each cell; 0 where it is looked at at once.

    max_seconds: the longest wait
    """

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._waits = np.zeros((0, 0), np.float32)
        self._doubted_at = np.zeros((0, 0))  # seconds when a look last left a doubt, by cell
        self._doubts = np.zeros((0, 0), bool)  # cells in which there is one
        self._seconds = 0.0
        self._vain = 0.0  # seconds that any movement waits
        self._vain_cells = 0.0  # that moved at the last looks, and in which nothing was found

    def wait(self, moving: BoolArray, seconds: float) -> float | None:
        """Return how long after the last look these moving cells want another; None for no cell."""
        if not moving.any():
            return None
        if moving.shape != self._waits.shape:
            return 0.0
        if np.count_nonzero(moving) > GROWN * self._vain_cells + FEW:
            return 0.0
        vain = self._vain * float(np.exp(-(seconds - self._seconds) / VAIN_RELIEF_SECONDS))
        return max(vain, float(self._waits[moving].min()) * self._relief(seconds))

    def doubt(self, seconds: float) -> float:
        """Return how long after the last look its doubts want another; infinite for no doubt."""
        waits = self._waits[self._doubts]
        return float(waits.min(initial=np.inf)) * self._relief(seconds)

    def looked(
        self, fruitless: BoolArray, found: BoolArray, doubts: BoolArray, seconds: float
    ) -> None:
        """Note what a look has found.

        fruitless: (h, w) cells that moved, and where no track is
        found: (h, w) cells in which a new track is
        doubts: (h, w) cells that moved, and where something was found that is no track yet
        """
        if self._waits.shape != fruitless.shape:
            self._waits = np.zeros(fruitless.shape, np.float32)
            self._doubted_at = np.full(fruitless.shape, -np.inf)
        doubts = self._doubts = self._lasting(doubts, fruitless, found, seconds)
        self._waits *= self._relief(seconds)
        relief = float(np.exp(-(seconds - self._seconds) / VAIN_RELIEF_SECONDS))
        self._vain *= relief
        self._vain_cells = max(float(np.count_nonzero(fruitless)), self._vain_cells * relief)
        if found.any():
            self._vain = 0.0
        elif (fruitless & ~doubts).any():
            self._vain = min(max(self._vain * VAIN_GROWTH, VAIN_SECONDS[0]), VAIN_SECONDS[1])
        self._waits[self._waits < DOUBT_SECONDS / 2] = 0
        self._seconds = seconds
        self._grow(_around(fruitless & ~doubts) & ~doubts, FIRST_SECONDS, GROWTH)
        self._grow(doubts, DOUBT_SECONDS, DOUBT_GROWTH)
        self._waits[found] = 0

    def _lasting(
        self, doubts: BoolArray, fruitless: BoolArray, found: BoolArray, seconds: float
    ) -> BoolArray:
        """Return these doubts, and those of a moment ago that this look has not resolved."""
        self._doubted_at[_around(doubts)] = seconds
        self._doubted_at[found] = -np.inf
        return (fruitless | doubts) & (seconds - self._doubted_at <= DOUBT_LASTS)

    def _grow(self, cells: BoolArray, first: float, growth: float) -> None:
        self._waits[cells] = np.clip(self._waits[cells] * growth, first, self._max_seconds)

    def _relief(self, seconds: float) -> float:
        return float(np.exp(-(seconds - self._seconds) / RELIEF_SECONDS))


def _around(cells: BoolArray) -> BoolArray:
    """Return these cells and their neighbours."""
    return cv2.dilate(cells.view(np.uint8), _NEIGHBOURS).view(bool)
