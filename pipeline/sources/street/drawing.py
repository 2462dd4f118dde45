"""Polygons to pixels: an object is drawn alone, then blended into the image by its coverage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from detector.detections import UInt8Array
from pipeline.sources.street.camera import SUBPIXEL, Int32Array

Colour = tuple[int, int, int]  # blue, green, red
Area = tuple[int, int, int, int]  # left, top, right, bottom in pixels

_OVERSAMPLING = 2  # in addition to cv2's antialiasing
_SHIFT = 3  # sixteenths of a pixel are eighths of an oversampled pixel
_BORDER = 2  # pixels that antialiased edges may extend
_SOFTNESS = 7  # pixels over which the edge of a shadow fades


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One filled polygon (or ring, of two contours) of one colour.

    contours: (n, 2) int32 each, sixteenths of a pixel
    part: the object of its actor that it belongs to (a rider is 0, the bicycle 1)
    """

    contours: tuple[Int32Array, ...]
    colour: Colour
    part: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """A dark area of the ground: cast by the sun, or the contact shadow under a thing.

    contour: (n, 2) int32, sixteenths of a pixel
    """

    contour: Int32Array = field(repr=False)
    contact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A drawn actor, ready to be blended into an image.

    left, top: of the patch in the image
    bgra: (h, w, 4) uint8, colours already multiplied by coverage, coverage 0..255 last
    """

    left: int
    top: int
    bgra: UInt8Array = field(repr=False)


def render(shapes: Sequence[Shape]) -> Patch:
    """Draw shapes, first to last, and return the patch that contains all of them."""
    return _render(shapes, extent(shapes))


def render_within(shapes: Sequence[Shape], width: int, height: int) -> Patch | None:
    """Draw the part of shapes within an image of this size; None if there is none."""
    area = _within(extent(shapes), width, height)
    return _render(shapes, area) if area[0] < area[2] and area[1] < area[3] else None


def extent(shapes: Sequence[Shape]) -> Area:
    """Return the pixels that shapes can touch."""
    return _extent(contour for shape in shapes for contour in shape.contours)


def _extent(contours: Iterable[Int32Array]) -> Area:
    x, y, width, height = cv2.boundingRect(np.concatenate(list(contours)))
    left, top = x // SUBPIXEL - _BORDER, y // SUBPIXEL - _BORDER
    right, bottom = (x + width) // SUBPIXEL, (y + height) // SUBPIXEL
    return left, top, right + _BORDER + 1, bottom + _BORDER + 1


def _within(area: Area, width: int, height: int) -> Area:
    left, top, right, bottom = area
    return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def _render(shapes: Sequence[Shape], area: Area) -> Patch:
    left, top, right, bottom = area
    width, height = right - left, bottom - top
    canvas = np.zeros((height * _OVERSAMPLING, width * _OVERSAMPLING, 4), np.uint8)
    # Whole coordinates are pixel centres for cv2, and pixel corners for the camera.
    half = SUBPIXEL // _OVERSAMPLING // 2
    offset = (-left * SUBPIXEL - half, -top * SUBPIXEL - half)
    for shape in shapes:
        colour = (*shape.colour, 255)
        cv2.fillPoly(canvas, shape.contours, colour, cv2.LINE_AA, _SHIFT, offset)
    bgra = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return Patch(left, top, np.asarray(bgra, np.uint8))


def blend(image: UInt8Array, patch: Patch) -> None:
    """Blend a patch that lies within the image into it, in place."""
    height, width = patch.bgra.shape[:2]
    under = image[patch.top : patch.top + height, patch.left : patch.left + width]
    transparency = cv2.bitwise_not(cv2.extractChannel(patch.bgra, 3))
    dimmed = cv2.multiply(under, cv2.merge([transparency] * 3), scale=1 / 255)
    cv2.add(dimmed, cv2.cvtColor(patch.bgra, cv2.COLOR_BGRA2BGR), dst=under)


def hull(points: Int32Array) -> Int32Array:
    """Return the convex hull of (n, 2) points in sixteenths of a pixel."""
    return np.asarray(cv2.convexHull(points), np.int32).reshape(-1, 2)


def shadow_patch(
    shadows: Sequence[Shadow], shade: int, contact: int, width: int, height: int
) -> Patch | None:
    """Return shadows with soft edges, to be blended into the ground.

    shade, contact: darkness, 0..255, of cast shadows and of contact shadows
    Returns None if no shadow lies within an image of this size.
    """
    left, top, right, bottom = _extent(s.contour for s in shadows)
    area = (left - _SOFTNESS, top - _SOFTNESS, right + _SOFTNESS, bottom + _SOFTNESS)
    left, top, right, bottom = _within(area, width, height)
    if right <= left or bottom <= top:
        return None
    mask = np.zeros((bottom - top, right - left), np.uint8)
    offset = (-left * SUBPIXEL, -top * SUBPIXEL)
    for shadow in sorted(shadows, key=lambda shadow: shadow.contact):  # contact shadows last
        darkness = contact if shadow.contact else shade
        cv2.fillPoly(mask, [shadow.contour], darkness, cv2.LINE_8, 4, offset)
    bgra = np.zeros((*mask.shape, 4), np.uint8)
    bgra[..., 3] = cv2.blur(mask, (_SOFTNESS, _SOFTNESS))
    return Patch(left, top, bgra)


@lru_cache(maxsize=4096)
def shaded(colour: Colour, light: float) -> Colour:
    """Return a colour, darker (light < 1) or brighter."""
    blue, green, red = (min(255, max(0, int(channel * light + 0.5))) for channel in colour)
    return blue, green, red
