"""Light of the synthetic street, poses of actors, and the sketches that they are drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from pipeline.sources.street.camera import Camera, Float64Array, Point
from pipeline.sources.street.drawing import Shadow, Shape


@dataclass(frozen=True, slots=True)
class Pose:
    """The position of an actor in metres, and its heading in radians from +x.

    travelled: metres since it appeared, which set the angle of legs, pedals and wheels
    """

    x: float
    y: float
    heading: float
    travelled: float = 0.0

    def place(self, points: Float64Array) -> Float64Array:
        """Return (n, 3) world points of points in the actor's own axes: forward, left, up."""
        cos, sin = math.cos(self.heading), math.sin(self.heading)
        placed = np.empty_like(points)
        placed[:, 0] = self.x + points[:, 0] * cos - points[:, 1] * sin
        placed[:, 1] = self.y + points[:, 0] * sin + points[:, 1] * cos
        placed[:, 2] = points[:, 2]
        return placed

    def at(self, u: float, v: float, z: float) -> Point:
        """Return the world point of one point in the actor's own axes."""
        cos, sin = math.cos(self.heading), math.sin(self.heading)
        return self.x + u * cos - v * sin, self.y + u * sin + v * cos, z

    def depth(self, camera: Camera) -> float:
        """Return its depth: what is farther away is drawn first."""
        return camera.depth((self.x, self.y, 0.0))


@dataclass(frozen=True, slots=True)
class Light:
    """A sun and a bright sky.

    slant_x, slant_y: metres that a shadow is displaced per metre of height
    shade: darkness of cast shadows, 0..255; contact: of contact shadows
    """

    slant_x: float
    slant_y: float
    shade: int
    contact: int = 150

    def on(self, normals: Float64Array, pose: Pose) -> list[float]:
        """Return the brightness, about 0.5..1.1, of surfaces with these normals, (n, 3)."""
        cos, sin = math.cos(pose.heading), math.sin(pose.heading)
        size = math.sqrt(self.slant_x**2 + self.slant_y**2 + 1)
        sun_u = -(self.slant_x * cos + self.slant_y * sin) / size
        sun_v = -(-self.slant_x * sin + self.slant_y * cos) / size
        facing = normals[:, 0] * sun_u + normals[:, 1] * sun_v + normals[:, 2] / size
        sky = 0.5 + 0.14 * normals[:, 2]
        return [float(value) for value in sky + 0.45 * np.maximum(facing, 0)]

    def cast(self, points: Float64Array) -> Float64Array:
        """Return the (n, 3) shadows of points on the ground."""
        fallen = np.zeros_like(points)
        fallen[:, 0] = points[:, 0] + points[:, 2] * self.slant_x
        fallen[:, 1] = points[:, 1] + points[:, 2] * self.slant_y
        return fallen


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """An actor or a thing as polygons in the order of drawing, with its shadows.

    depth: metres along the optical axis: what is farther away is drawn first
    class_ids: of its parts, numbered as in models/street (person, bicycle, car); empty for a tree
    """

    shapes: tuple[Shape, ...] = field(repr=False)
    shadows: tuple[Shadow, ...] = field(repr=False)
    depth: float
    class_ids: tuple[int, ...] = ()
