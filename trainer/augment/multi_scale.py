"""Multi-scale training: each batch at a random size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.detections import Float32Array, UInt8Array

STREAM = 2  # separates these random numbers from those of order and augmentation


@dataclass(frozen=True, slots=True)
class MultiScale:
    """Resizes whole batches; the size depends on seed, epoch and position only.

    spread: maximum change, +- fraction; step: sides are multiples of it, in pixels
    """

    spread: float
    step: int
    seed: int

    def __call__(
        self, images: UInt8Array, targets: Float32Array, epoch: int, number: int
    ) -> tuple[UInt8Array, Float32Array]:
        """Return batch `number` of an epoch at its size; targets, being fractions, stay."""
        if not self.spread:
            return images, targets
        rng = np.random.default_rng((self.seed, epoch, number, STREAM))
        scale = rng.uniform(1 - self.spread, 1 + self.spread)
        height, width = (
            max(self.step, round(side * scale / self.step) * self.step)
            for side in images.shape[1:3]
        )
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        resized = [cv2.resize(image, (width, height), interpolation=how) for image in images]
        return np.stack(resized).astype(np.uint8, copy=False), targets
