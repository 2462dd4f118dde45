"""Rounded solids of the synthetic street: two balls and the hull around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.street.camera import SUBPIXEL, Camera, Float64Array, Int32Array, Point
from pipeline.sources.street.drawing import Colour, Shape, shaded
from pipeline.sources.street.light import Light, Pose

ComplexArray = NDArray[np.complex128]  # x + iy: a rotation is a multiplication

RING: Float64Array = np.array(  # the unit circle on the ground
    [(math.cos(k * math.pi / 6), math.sin(k * math.pi / 6), 0.0) for k in range(12)]
)
_CIRCLE = [complex(math.cos(k * math.pi / 8), math.sin(k * math.pi / 8)) for k in range(-4, 13)]
_HALVES: ComplexArray = np.array([_CIRCLE[8:], _CIRCLE[:9]])  # behind the start, before the end
_DARK = 0.78  # brightness of the side away from the sun
_LIT_WIDTH = 0.62  # share of a bone's width that is lit
_THIN = 1.3  # pixels, radius


class Bone(NamedTuple):
    """A limb, a tube or a ball: the hull of two balls; metres, in the actor's axes."""

    start: Point
    start_radius: float
    end: Point
    end_radius: float
    colour: Colour
    part: int = 0


def flat(camera: Camera, pose: Pose, bones: Sequence[Bone]) -> list[Shape]:
    """Return a shape of one colour for each bone, for thin things."""
    centres, radii, _ = _ends(camera, pose, bones)
    outlines = _stadium(centres, radii)
    return [Shape((line,), b.colour, b.part) for line, b in zip(outlines, bones, strict=True)]


def rounded(
    camera: Camera, light: Light, pose: Pose, bones: Sequence[Bone]
) -> list[tuple[float, list[Shape]]]:
    """Return for each bone its depth and its shapes: the dark side, then the lit side.

    A bone that is too thin in the image for two sides has one shape.
    """
    centres, radii, depths = _ends(camera, pose, bones)
    towards = complex(0.3 * sunny_side(light), -0.12)
    dark = _stadium(centres, radii)
    lit = _stadium(centres + radii * towards, radii * _LIT_WIDTH)
    thin = (radii.max(axis=1) < _THIN).tolist()
    parts = []
    for bone, depth, outline, inner, plain in zip(bones, depths, dark, lit, thin, strict=True):
        shapes = [Shape((outline,), shaded(bone.colour, 0.9 if plain else _DARK), bone.part)]
        if not plain:
            shapes.append(Shape((inner,), bone.colour, bone.part))
        parts.append((depth, shapes))
    return parts


def sunny_side(light: Light) -> float:
    """Return the side of things that is lit in the image: 1 right, -1 left."""
    return 1.0 if light.slant_x < 0 else -1.0


def _ends(
    camera: Camera, pose: Pose, bones: Sequence[Bone]
) -> tuple[ComplexArray, Float64Array, list[float]]:
    """Return the (n, 2) ends in the image (x + iy, pixels), their radii, and the smaller depths."""
    points: Float64Array = np.array([(bone.start, bone.end) for bone in bones], np.float64)
    pixels, scale = camera.pixels(pose.place(points.reshape(-1, 3)))
    scale = scale.reshape(-1, 2)
    radii = scale * np.array([(bone.start_radius, bone.end_radius) for bone in bones])
    depths: list[float] = (camera.focal / scale.max(axis=1)).tolist()
    return pixels.view(np.complex128).reshape(-1, 2), radii, depths


def _stadium(centres: ComplexArray, radii: Float64Array) -> Int32Array:
    """Return (n, 18, 2) sixteenths of a pixel: half a circle around each end of (n, 2)."""
    axis = centres[:, 1] - centres[:, 0]
    length = np.abs(axis)
    still = length < 1e-6
    axis = np.where(still, 1.0, axis / np.where(still, 1.0, length))
    outline = centres[:, :, None] + (radii * axis[:, None])[:, :, None] * _HALVES
    pixels = np.ascontiguousarray(outline.reshape(len(centres), 18)).view(np.float64)
    return np.rint(pixels * SUBPIXEL).astype(np.int32).reshape(-1, 18, 2)
