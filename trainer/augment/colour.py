"""Colour jitter: random hue, saturation and brightness, as from another camera or exposure."""

from __future__ import annotations

import cv2
import numpy as np

from detector.detections import Float32Array, UInt8Array


def jitter(image: UInt8Array, gains: Float32Array) -> UInt8Array:
    """Return an (h, w, 3) uint8 RGB image with hue, saturation and value scaled by `gains` (3,)."""
    steps = np.arange(256, dtype=np.float32)[:, None] * gains
    hue = steps[:, 0] % 180  # OpenCV counts hue in steps of two degrees
    tables = np.stack([hue, *steps[:, 1:].clip(0, 255).T], axis=1).astype(np.uint8)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    cv2.LUT(hsv, tables.reshape(1, 256, 3), dst=hsv)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB, dst=hsv)  # type: ignore[return-value]
