"""Line widths and font sizes that are legible on frames of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2

FONT = cv2.FONT_HERSHEY_DUPLEX  # strokes heavy enough to survive a video codec


@dataclass(frozen=True, slots=True)
class Pen:
    """Line widths and font sizes in proportion to the frame, in pixels.

    line, stroke: width of box lines and of letter strokes
    scale: font scale, in OpenCV's units
    ascent, descent: height of letters above and below the base line
    margin: around a text
    """

    line: int
    stroke: int
    scale: float
    ascent: int
    descent: int
    margin: int

    @classmethod
    @lru_cache(maxsize=16)
    def fit(cls, height: int, width: int) -> Pen:
        """Return the pen for frames of this size."""
        side = math.sqrt(height * width)
        scale = max(0.4, side / 1200)  # smaller letters are not legible
        stroke = max(1, round(scale / 1.5))
        (_, ascent), descent = cv2.getTextSize("Ag", FONT, scale, stroke)
        return cls(max(2, round(side / 360)), stroke, scale, ascent, descent, round(6 * scale))
