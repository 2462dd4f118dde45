"""The sensor of the synthetic street: slow changes of exposure, and grain, from the seed."""

from __future__ import annotations

import math

import cv2
import numpy as np

from detector.detections import UInt8Array

_MARGIN = 64  # pixels by which the grain is larger than a frame: each frame uses another part
_DRIFT_SECONDS = 23.0


class Sensor:
    """Adds exposure and grain to an image; in integers, so that every machine gets the same."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        rng = np.random.default_rng([seed, 1])
        self._seed = seed
        self._exposure = 0.92 + 0.16 * rng.random()
        amount = 2 + int(rng.integers(3))
        shape = (height + _MARGIN, width + _MARGIN)
        grain = sum(rng.integers(-amount, amount + 1, shape) for _ in range(3)) // 2
        self._brighter = _three_channels(np.maximum(grain, 0))
        self._darker = _three_channels(np.maximum(-grain, 0))

    def expose(self, image: UInt8Array, index: int, seconds: float) -> UInt8Array:
        """Return an (h, w, 3) image with the exposure and the grain of a frame."""
        drift = 0.035 * math.sin(2 * math.pi * seconds / _DRIFT_SECONDS)
        gain = round(256 * (self._exposure + drift)) / 256
        height, width = image.shape[:2]
        left, top = np.random.default_rng([self._seed, 2, index]).integers(0, _MARGIN, 2)
        part = (slice(top, top + height), slice(left, left + width))
        exposed = cv2.convertScaleAbs(image, alpha=gain)
        grained = cv2.subtract(cv2.add(exposed, self._brighter[part]), self._darker[part])
        return np.asarray(grained, np.uint8)


def _three_channels(luma: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> UInt8Array:
    return np.repeat(luma.astype(np.uint8)[..., None], 3, axis=2)
