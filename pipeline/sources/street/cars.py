"""Cars of the synthetic street: a hull of rings, a cabin with glass, wheels, lamps and mirrors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.street.camera import Camera, Float64Array, Int32Array
from pipeline.sources.street.drawing import Colour, Shadow, Shape, hull, shaded
from pipeline.sources.street.light import Light, Pose, Sketch

GLASS: Colour = (52, 46, 40)
RUBBER: Colour = (34, 33, 33)
RIM: Colour = (168, 166, 164)
TRIM: Colour = (48, 46, 46)
PLATE: Colour = (224, 228, 226)
HEADLAMP: Colour = (236, 236, 226)
TAIL_LAMP: Colour = (38, 30, 190)
PAINT: Colour = (-1, -1, -1)  # a placeholder for the body colour of the car
PANES = (  # front, left, rear, right: the parts of the wall that are glass
    ((0.06, 0.94),),
    ((0.07, 0.50), (0.54, 0.92)),
    ((0.08, 0.92),),
    ((0.08, 0.46), (0.50, 0.93)),
)


@dataclass(frozen=True, slots=True)
class Build:
    """Proportions of a kind of car, metres; u runs forward from the middle.

    cowl, roof_front, roof_rear, tail: where windscreen and rear window begin and end
    belt: height of the lower edge of the windows; deck: of the boot lid or tailgate
    """

    length: float
    width: float
    height: float
    cowl: float
    roof_front: float
    roof_rear: float
    tail: float
    belt: float
    deck: float


SALOON = Build(4.5, 1.80, 1.44, 0.85, 0.12, -0.98, -1.72, 0.92, 0.96)
HATCHBACK = Build(4.0, 1.74, 1.49, 0.86, 0.18, -1.40, -1.86, 0.93, 0.93)
ESTATE = Build(4.6, 1.82, 1.50, 0.88, 0.14, -1.80, -2.16, 0.94, 0.94)
OFF_ROADER = Build(4.4, 1.86, 1.68, 0.92, 0.32, -1.62, -2.02, 1.06, 1.06)
VAN = Build(4.9, 1.92, 1.95, 1.72, 1.02, -2.22, -2.36, 1.14, 1.14)
BUILDS = (SALOON, HATCHBACK, ESTATE, OFF_ROADER, VAN)


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A car as faces in painter's order (seen from above); winding tells which are hidden.

    vertices: (v, 3) metres; faces: slices of vertices, counter-clockwise seen from
        outside; firsts: index of the first vertex of each
    normals: (f, 3); colours: one per face, PAINT for the body colour
    """

    vertices: Float64Array = field(repr=False)
    faces: tuple[slice, ...] = field(repr=False)
    firsts: NDArray[np.int64] = field(repr=False)
    normals: Float64Array = field(repr=False)
    colours: tuple[Colour, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Car:
    """The looks of a car."""

    build: Build
    paint: Colour
    sunroof: bool


PAINTS: tuple[Colour, ...] = (
    (226, 228, 228),
    (238, 238, 236),
    (168, 170, 168),
    (120, 122, 124),
    (64, 62, 62),
    (48, 46, 46),
    (40, 36, 120),
    (52, 34, 152),
    (40, 44, 178),
    (132, 84, 44),
    (150, 128, 104),
    (176, 182, 164),
    (80, 96, 62),
    (60, 140, 200),
)


def random_car(rng: np.random.Generator) -> Car:
    """Return a random car."""
    build = BUILDS[int(rng.integers(len(BUILDS)))]
    return Car(build, PAINTS[int(rng.integers(len(PAINTS)))], sunroof=rng.random() < 0.25)


def sketch_car(camera: Camera, light: Light, pose: Pose, car: Car) -> Sketch:
    """Draw a car that stands at `pose`."""
    build, paint = car.build, car.paint
    mesh = _mesh(build, car.sunroof)
    pixels = camera.project(pose.place(mesh.vertices))
    lit = light.on(mesh.normals, pose)
    colours = [paint if colour == PAINT else colour for colour in mesh.colours]
    faces = tuple(
        Shape((pixels[mesh.faces[k]],), shaded(colours[k], lit[k]))
        for k in np.flatnonzero(_facing(pixels, mesh)).tolist()
    )
    return Sketch(faces, _shadows(camera, light, pose, build), pose.depth(camera), (2,))


def _facing(pixels: Int32Array, mesh: Mesh) -> NDArray[np.bool_]:
    """Return which faces are visible: their first three corners turn clockwise."""
    a, b, c = (pixels[mesh.firsts + k] for k in range(3))
    return np.asarray(
        (b[:, 0] - a[:, 0]) * (c[:, 1] - b[:, 1]) < (b[:, 1] - a[:, 1]) * (c[:, 0] - b[:, 0])
    )


def _shadows(camera: Camera, light: Light, pose: Pose, build: Build) -> tuple[Shadow, ...]:
    body = _outline(build.length, build.width)
    roof = _rectangle(build.roof_front, build.roof_rear, build.width * 0.36)
    points = np.concatenate([_lift(body, 0.0), _lift(body, build.belt), _lift(roof, build.height)])
    cast = camera.project(light.cast(pose.place(points)))
    under = camera.project(pose.place(_lift(body * 0.97, 0.0)))
    return Shadow(hull(cast), contact=False), Shadow(under, contact=True)


@lru_cache(maxsize=2 * len(BUILDS))
def _mesh(build: Build, sunroof: bool) -> Mesh:
    maker = _MeshMaker()
    _add_hull(maker, build)
    for side in (-1.0, 1.0):
        for axle in (build.length * 0.3, -build.length * 0.295):
            _add_wheel(maker, axle, side * build.width / 2)
    _add_deck(maker, build)
    _add_mirrors(maker, build)
    _add_cabin(maker, build, sunroof)
    return maker.mesh()


class _MeshMaker:
    """Collects faces."""

    def __init__(self) -> None:
        self._vertices: list[Float64Array] = []
        self._faces: list[slice] = []
        self._colours: list[Colour] = []
        self._normals: list[Float64Array] = []
        self._count = 0

    def face(self, corners: Float64Array, colour: Colour) -> None:
        """Add one flat face of (n, 3) corners, counter-clockwise seen from outside."""
        first, second = corners[1] - corners[0], corners[2] - corners[1]
        normal = np.cross(first, second)
        length = math.sqrt(float((normal * normal).sum()))
        self._vertices.append(corners)
        self._faces.append(slice(self._count, self._count + len(corners)))
        self._colours.append(colour)
        self._normals.append(normal / max(length, 1e-9))
        self._count += len(corners)

    def loft(self, low: Float64Array, high: Float64Array, colour: Callable[..., Colour]) -> None:
        """Add the wall between two (n, 3) rings; `colour` is called with each face's centre."""
        for i in range(len(low)):
            j = (i + 1) % len(low)
            corners = np.array([low[i], low[j], high[j], high[i]])
            self.face(corners, colour(*corners.mean(axis=0)))

    def mesh(self) -> Mesh:
        """Return the collected faces."""
        return Mesh(
            np.concatenate(self._vertices),
            tuple(self._faces),
            np.array([face.start for face in self._faces]),
            np.array(self._normals),
            tuple(self._colours),
        )


def _add_hull(maker: _MeshMaker, build: Build) -> None:
    """Add the lower body: bumpers and doors, narrower at the sill and at the shoulder."""
    outline = _outline(build.length, build.width)
    sill, waist = _lift(outline * (0.975, 0.94), 0.20), _lift(outline, 0.46)
    shoulder = _lift(outline * (0.99, 0.99), 0.66)
    nose, end = build.length / 2, build.width / 2

    def lower(u: float, v: float, z: float) -> Colour:
        return TRIM if abs(u) > nose * 0.93 and abs(v) < end * 0.6 else PAINT

    def upper(u: float, v: float, z: float) -> Colour:
        lamp = 0.5 * end < abs(v)
        if u > nose * 0.80:
            return HEADLAMP if lamp else TRIM if abs(v) < end * 0.4 else PAINT
        if u < -nose * 0.90:
            return TAIL_LAMP if lamp else PLATE if abs(v) < end * 0.3 else PAINT
        return PAINT

    maker.loft(sill, waist, lower)
    maker.loft(waist, shoulder, upper)
    maker.loft(shoulder, _deck_ring(build), lambda u, v, z: PAINT)


def _deck_ring(build: Build) -> Float64Array:
    """Return the upper edge of the body: low at the nose, high at the boot lid."""
    ring = _lift(_outline(build.length, build.width) * (0.965, 0.91), 0.0)
    nose = build.length / 2
    rise = np.clip((nose - ring[:, 0]) / (nose - build.cowl), 0, 1)
    fall = np.clip((-ring[:, 0] - nose * 0.8) / (nose * 0.2), 0, 1)
    ring[:, 2] = 0.74 + (build.belt - 0.74) * rise + (build.deck - build.belt) * fall - 0.06 * fall
    return ring


def _add_deck(maker: _MeshMaker, build: Build) -> None:
    """Add the top of the body, with the bonnet slightly raised."""
    ring = _deck_ring(build)
    maker.face(ring, PAINT)
    bonnet = ring[ring[:, 0] > build.cowl - 0.2] * (0.985, 0.80, 1.0)
    maker.face(bonnet + np.array([0.0, 0.0, 0.03]), PAINT)


def _add_wheel(maker: _MeshMaker, axle: float, v: float) -> None:
    turn = 1.0 if v < 0 else -1.0  # counter-clockwise seen from the wheel's own side
    for radius, colour in ((0.36, TRIM), (0.315, RUBBER), (0.2, RIM)):
        steps = [turn * k * math.pi / 8 for k in range(16)]
        disc = [(axle + radius * math.cos(a), v, 0.32 + radius * math.sin(a)) for a in steps]
        maker.face(np.array(disc), colour)


def _add_cabin(maker: _MeshMaker, build: Build, sunroof: bool) -> None:
    """Add the cabin: four walls with panes of glass, then the roof."""
    shoulder = build.height - 0.07
    low = _lift(_rectangle(build.cowl, build.tail + 0.05, build.width * 0.43), build.belt)
    low[2:, 1] *= 0.9  # within the round corners of the tail
    high = _lift(_rectangle(build.roof_front, build.roof_rear, build.width * 0.355), shoulder)
    for i, panes in enumerate(PANES):
        j = (i + 1) % 4
        wall = np.array([low[i], low[j], high[j], high[i]])
        maker.face(wall, PAINT)
        for start, stop in panes:
            maker.face(_pane(wall, start, stop), GLASS)
    rim = _lift(_rounded(build.roof_front, build.roof_rear, build.width * 0.355, 0.06), shoulder)
    roof = rim * (0.97, 0.88, 1.0) + (-0.02, 0.0, 0.07)
    maker.loft(rim, roof, lambda u, v, z: PAINT)
    maker.face(roof, PAINT)
    if sunroof:
        front, rear = build.roof_front - 0.15, build.roof_front - 0.85
        maker.face(_lift(_rectangle(front, rear, build.width * 0.26), build.height), GLASS)


def _add_mirrors(maker: _MeshMaker, build: Build) -> None:
    """Add a box beside both ends of the windscreen."""
    for side in (-1.0, 1.0):
        middle = side * (build.width * 0.47 + 0.095)
        box = _rectangle(build.cowl - 0.28, build.cowl - 0.42, 0.095)
        plan = box + np.array([0.0, middle])
        low, high = _lift(plan, build.belt - 0.02), _lift(plan, build.belt + 0.13)
        maker.loft(low, high, lambda u, v, z: PAINT)
        maker.face(high, PAINT)


def _pane(wall: Float64Array, start: float, stop: float) -> Float64Array:
    """Return the (4, 3) glass of a wall between two fractions of its width."""
    low, high = 0.10, 0.90
    corners = [(start, low), (stop, low), (stop, high), (start, high)]
    across, up = (np.array(share)[:, None] for share in zip(*corners, strict=True))
    left = wall[0] + (wall[3] - wall[0]) * up
    right = wall[1] + (wall[2] - wall[1]) * up
    return np.asarray(left + (right - left) * across)


def _outline(length: float, width: float) -> Float64Array:
    """Return (n, 2) the outline of a body from above: round corners, a bowed and narrower nose."""
    plan = _rounded(length / 2, -length / 2, width / 2, 0.30)
    across = plan[:, 1] / (width / 2)
    ahead = plan[:, 0] / (length / 2)
    plan[:, 0] -= 0.10 * ahead * across * across
    plan[:, 1] *= 1 - 0.07 * np.maximum(ahead, 0) ** 2 - 0.04 * np.maximum(-ahead, 0) ** 2
    return plan


def _rounded(front: float, rear: float, half_width: float, radius: float) -> Float64Array:
    """Return (n, 2) a rectangle with round corners, counter-clockwise seen from above."""
    points = []
    corners = (
        (front - radius, -half_width + radius, -0.5),
        (front - radius, half_width - radius, 0.0),
        (rear + radius, half_width - radius, 0.5),
        (rear + radius, -half_width + radius, 1.0),
    )
    for u, v, start in corners:
        for step in range(4):
            angle = math.pi * (start + step / 6)
            points.append((u + radius * math.cos(angle), v + radius * math.sin(angle)))
    return np.array(points)


def _rectangle(front: float, rear: float, half_width: float) -> Float64Array:
    """Return (4, 2) the corners, counter-clockwise seen from above, front right first."""
    return np.array(
        [(front, -half_width), (front, half_width), (rear, half_width), (rear, -half_width)]
    )


def _lift(plan: Float64Array, z: float) -> Float64Array:
    """Return (n, 3) an outline at a height."""
    return np.column_stack([plan, np.full(len(plan), z)])
