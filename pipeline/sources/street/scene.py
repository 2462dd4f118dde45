"""A scene: camera, light, ground, static objects, and routes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from detector.detections import UInt8Array
from pipeline.sources.street.camera import Camera, Float64Array, Point
from pipeline.sources.street.capsules import RING, Bone, flat, rounded
from pipeline.sources.street.drawing import Colour, Shadow, Shape, hull, shaded
from pipeline.sources.street.light import Light, Pose, Sketch
from pipeline.sources.street.traffic import Route

_ORIGIN = Pose(0.0, 0.0, 0.0)  # for objects that are given in the camera's coordinates


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that stays the same from frame to frame.

    ground: (h, w, 3) uint8, BGR
    things: trees, posts and furniture: they occlude objects, and are not labelled
    parked: cars that do not move; they are labelled
    routes: of the objects that move, see Traffic
    """

    camera: Camera
    light: Light
    ground: UInt8Array = field(repr=False)
    things: tuple[Sketch, ...]
    parked: tuple[Sketch, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """The axes of a street: `s` in metres along it, `t` in metres to its left."""

    x: float
    y: float
    angle: float

    def point(self, s: float, t: float) -> tuple[float, float]:
        """Return x and y in the coordinates of the camera, in metres."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.x + s * cos - t * sin, self.y + s * sin + t * cos


def random_light(rng: np.random.Generator, veiled: float) -> Light:
    """Return the light of a random sun; veiled: the probability that it is overcast."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    slant_x = side * (0.25 + 0.6 * rng.random())
    overcast = rng.random() < veiled
    shade = int(rng.integers(30)) if overcast else 60 + int(rng.integers(60))
    return Light(slant_x, 0.7 * (rng.random() - 0.4), shade)


def tree(
    camera: Camera, light: Light, x: float, y: float, rng: np.random.Generator
) -> tuple[Sketch, Sketch]:
    """Return a trunk, and a crown of leaves, dark below and bright towards the sun."""
    height, radius = 2.0 + 0.8 * rng.random(), 1.0 + 0.4 * rng.random()
    bark: Colour = (62, 76, 92)
    bones = [Bone((x, y, 0.0), 0.17, (x, y, height), 0.10, bark)]
    foot = camera.project(RING * 0.28 + (x, y, 0.0))
    trunk = thing(camera, light, bones, (Shadow(foot, contact=True),), (x, y, 0.0))
    leaf: Colour = (44 + int(rng.integers(20)), 104 + int(rng.integers(36)), 72)
    balls: list[Bone] = []
    shadows: list[Shadow] = []
    for (cx, cy, cz), size in _clumps(x, y, height, radius, rng):
        sunny = ((cz - height) - light.slant_x * (cx - x) - light.slant_y * (cy - y)) / radius
        colour = shaded(leaf, 0.72 + 0.34 * sunny + 0.12 * rng.random())
        balls.append(Bone((cx, cy, cz), size, (cx, cy, cz), size, colour))
        disc = RING * size + light.cast(np.array([(cx, cy, cz)]))
        shadows.append(Shadow(camera.project(disc), contact=False))
    balls.sort(key=lambda ball: -camera.depth(ball.start))
    return trunk, Sketch(
        tuple(flat(camera, _ORIGIN, balls)), tuple(shadows), camera.depth((x, y - radius, 0.0))
    )


def _clumps(
    x: float, y: float, height: float, radius: float, rng: np.random.Generator
) -> list[tuple[Point, float]]:
    """Return centres and radii of the balls of leaves that fill the crown, a flattened ball."""
    clumps: list[tuple[Point, float]] = []
    while len(clumps) < 240:
        a, b, c = (2 * rng.random(3) - 1).tolist()
        size = 0.07 + 0.12 * rng.random()
        if 0.2 < a * a + b * b + c * c < 1:
            centre = (x + a * radius, y + b * radius, height + 0.6 + c * radius * 0.75)
            clumps.append((centre, size))
    return clumps


def lamp_post(camera: Camera, light: Light, x: float, y: float) -> Sketch:
    """Return a lamp post whose arm reaches over the road."""
    grey: Colour = (112, 116, 114)
    foot, top, lamp = (x, y, 0.0), (x, y, 5.2), (x + 0.1, y + 1.5, 5.5)
    bones = [
        Bone(foot, 0.11, (x, y, 0.9), 0.10, shaded(grey, 0.9)),
        Bone(foot, 0.08, top, 0.05, grey),
        Bone(top, 0.05, lamp, 0.04, grey),
        Bone((x + 0.1, y + 1.3, 5.45), 0.10, lamp, 0.12, shaded(grey, 1.2)),
    ]
    ends = light.cast(np.array([foot, top]))
    cast = camera.project(np.concatenate([RING * 0.07 + end for end in ends]))
    base = camera.project(RING * 0.2 + foot)
    shadows = (Shadow(hull(cast), contact=False), Shadow(base, contact=True))
    return thing(camera, light, bones, shadows, foot)


def thing(
    camera: Camera,
    light: Light,
    bones: Sequence[Bone],
    shadows: tuple[Shadow, ...],
    foot: Point,
    plates: Sequence[tuple[Float64Array, Colour]] = (),
) -> Sketch:
    """Return a static object without a label; bones are drawn in their order, then plates."""
    parts = rounded(camera, light, _ORIGIN, bones)
    shapes = [shape for _, both in parts for shape in both]
    shapes += [Shape((camera.project(corners),), colour) for corners, colour in plates]
    return Sketch(tuple(shapes), shadows, camera.depth(foot))
