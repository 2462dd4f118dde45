"""A label: text on a rectangle of one colour, ready to be laid onto a frame."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.drawing import Colour
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.drawing.pen import FONT, Pen

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
KEPT = 256  # most labels come again in the next frames; 5 MB at 1080p


@lru_cache(maxsize=KEPT)
def label(text: str, colour: Colour, pen: Pen, space: ColourSpace) -> Planes:
    """Return a label of even width and height.

    colour: of the rectangle, BGR; the text is black or white, whichever has more contrast
    """
    letters = _letters(text, pen)
    height, width = letters.shape
    half = cv2.resize(letters, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    masks = (letters, np.asarray(half, np.uint8), np.asarray(half, np.uint8))
    tones = _tones(space, colour)
    parts = (np.asarray(cv2.LUT(*each), np.uint8) for each in zip(masks, tones, strict=True))
    return Planes(space, *parts)


def _letters(text: str, pen: Pen) -> UInt8Array:
    """Return how much of each pixel is covered by the text, (h, w), 0 to 255."""
    (text_width, _), _ = cv2.getTextSize(text, FONT, pen.scale, pen.stroke)
    height, width = pen.ascent + pen.descent + pen.margin, text_width + 2 * pen.margin
    letters = np.zeros((height + height % 2, width + width % 2), np.uint8)
    start = pen.margin, pen.ascent + pen.margin // 2
    cv2.putText(letters, text, start, FONT, pen.scale, 255, pen.stroke, cv2.LINE_AA)
    return letters


@lru_cache(maxsize=64)
def _tones(space: ColourSpace, colour: Colour) -> tuple[UInt8Array, ...]:
    """Return Y, Cb and Cr by how much of a pixel is covered by text: three times (256,)."""
    ends = zip(space.yuv(colour), space.yuv(_ink(colour)), strict=True)
    return tuple(np.linspace(*each, 256).round().astype(np.uint8) for each in ends)


def _ink(background: Colour) -> Colour:
    """Return black or white, whichever has more contrast with the background (BT.601 luma)."""
    blue, green, red = background
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else WHITE
