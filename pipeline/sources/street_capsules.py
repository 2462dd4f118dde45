"""Rounded solids of the synthetic street: two balls and all between them, seen by the camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.sources.street_camera import SUBPIXEL, Camera, Float64Array, Int32Array, Point
from pipeline.sources.street_drawing import Colour, Shape, shaded
from pipeline.sources.street_light import Light, Pose

_ARC = [(math.cos(k * math.pi / 8), math.sin(k * math.pi / 8)) for k in range(16)]
_FRONT: Float64Array = np.array(_ARC[12:] + _ARC[:5])  # the half circle around +x
_BACK: Float64Array = np.array(_ARC[4:13])
_DARK_SIDE = 0.78


class Bone(NamedTuple):
    """A limb, a tube, a ball: balls at both ends and all between; metres, in the actor's axes."""

    start: Point
    start_radius: float
    end: Point
    end_radius: float
    colour: Colour
    part: int = 0


def flat(camera: Camera, pose: Pose, bones: Sequence[Bone]) -> list[Shape]:
    """Return a shape for each bone, of one colour: for what is thin."""
    outlines, _ = _outlines(camera, pose, bones, sun=None)
    return [Shape((line,), b.colour, b.part) for line, b in zip(outlines, bones, strict=True)]


def rounded(
    camera: Camera, light: Light, pose: Pose, bones: Sequence[Bone]
) -> list[tuple[float, list[Shape]]]:
    """Return for each bone its depth, and two shapes: its dark side and its lit side."""
    outlines, depths = _outlines(camera, pose, bones, sun=sunny_side(light))
    lit = outlines[len(bones) :]
    return [
        (depth, [Shape((o,), shaded(b.colour, _DARK_SIDE), b.part), Shape((i,), b.colour, b.part)])
        for depth, o, i, b in zip(depths, outlines[: len(bones)], lit, bones, strict=True)
    ]


def sunny_side(light: Light) -> float:
    """Return the side of things that is lit in the picture: 1 right, -1 left."""
    return 1.0 if light.slant_x < 0 else -1.0


def _outlines(
    camera: Camera, pose: Pose, bones: Sequence[Bone], sun: float | None
) -> tuple[Int32Array, list[float]]:
    """Return (n, 18, 2) outlines, (2n, 18, 2) with the lit sides; and each bone's least depth."""
    ends: Float64Array = np.array([(bone.start, bone.end) for bone in bones], np.float64)
    pixels, scale = camera.pixels(pose.place(ends.reshape(-1, 3)))
    centres, scale = pixels.reshape(-1, 2, 2), scale.reshape(-1, 2)
    radii = scale * np.array([(bone.start_radius, bone.end_radius) for bone in bones])
    if sun is not None:
        towards = np.array([0.3 * sun, -0.12])
        centres = np.concatenate([centres, centres + radii[..., None] * towards])
        radii = np.concatenate([radii, radii * 0.62])
    return _stadium(centres, radii), (camera.focal / scale.max(axis=1)).tolist()


def _stadium(centres: Float64Array, radii: Float64Array) -> Int32Array:
    """Return (n, 18, 2) sixteenths of a pixel: half a circle at each end of (n, 2, 2) centres."""
    axis = centres[:, 1] - centres[:, 0]
    length = np.sqrt(axis[:, 0] ** 2 + axis[:, 1] ** 2)
    still = length < 1e-6
    axis = np.where(still[:, None], (1.0, 0.0), axis / np.where(still, 1.0, length)[:, None])
    side = np.stack([-axis[:, 1], axis[:, 0]], axis=1)
    outline = np.empty((len(centres), 18, 2))
    for half, end, rows in ((_BACK, 0, slice(0, 9)), (_FRONT, 1, slice(9, 18))):
        arc = half[None, :, :1] * axis[:, None, :] + half[None, :, 1:] * side[:, None, :]
        outline[:, rows] = centres[:, end, None, :] + radii[:, end, None, None] * arc
    return np.rint(outline * SUBPIXEL).astype(np.int32)
