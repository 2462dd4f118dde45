"""A hall: a floor, a wall, a table, and people close to the camera who come, wait and leave."""

from __future__ import annotations

import math

import numpy as np

from pipeline.sources.street.camera import Camera, Float64Array
from pipeline.sources.street.capsules import RING, Bone
from pipeline.sources.street.drawing import Colour, Shadow
from pipeline.sources.street.ground import Ground
from pipeline.sources.street.light import Light, Sketch
from pipeline.sources.street.scene import Scene, thing
from pipeline.sources.street.traffic import Path, Route

FLOORS: tuple[Colour, ...] = ((44, 92, 150), (70, 110, 150), (120, 126, 130), (150, 152, 152))
WALLS: tuple[Colour, ...] = ((226, 220, 212), (196, 204, 206), (170, 186, 196), (206, 200, 180))


def hall(rng: np.random.Generator, width: int, height: int) -> Scene:
    """Return a room seen from above head height, with people large in the image."""
    camera = Camera(
        height=2.3 + 0.9 * rng.random(),
        pitch=math.radians(16 + 14 * rng.random()),
        focal=width * (0.70 + 0.25 * rng.random()),
        width=width,
        height_px=height,
    )
    wall = 4.6 + 1.8 * rng.random()
    light = Light(0.25 * (rng.random() - 0.5), -0.15, 45)
    table = _table(camera, light, -1.6 + 3.2 * rng.random(), wall - 1.0)
    ground = _room(camera, wall, rng)
    return Scene(camera, light, ground.image(), (table,), (), _routes(camera, wall, rng))


def _room(camera: Camera, wall: float, rng: np.random.Generator) -> Ground:
    ground = Ground(camera, 0.0, (0.0, 0.0), rng)
    wood = FLOORS[int(rng.integers(len(FLOORS)))]
    ground.fill(ground.all, wood, 0.05, 0.10)
    board = np.floor(ground.s / 0.09).astype(np.int64)
    end = np.floor((ground.t + (board * 37 % 11) * 0.2) / 1.6).astype(np.int64)
    for shade in range(5):
        ground.tint((board * 7 + end * 3) % 5 == shade, 0.86 + 0.07 * shade)
    ground.tint((ground.s / 0.09) % 1 < 0.06, 0.8)
    behind = (ground.y > wall) | (ground.y < 0)
    height = camera.height * (1 - wall / np.where(behind, ground.y, wall))
    height = np.where(ground.y < 0, 9.0, height)  # above the horizon
    paint = WALLS[int(rng.integers(len(WALLS)))]
    ground.fill(behind, paint, 0.015, 0.015)
    ground.fill(behind & (height < 0.12), (40, 60, 92), 0.05, 0.05)
    return ground


def _table(camera: Camera, light: Light, x: float, y: float) -> Sketch:
    """Return a high table on a post."""
    steel: Colour = (170, 176, 184)
    top: Colour = (222, 224, 226)
    bones = [
        Bone((x - 0.3, y, 0.03), 0.03, (x + 0.3, y, 0.03), 0.03, steel),
        Bone((x, y - 0.3, 0.03), 0.03, (x, y + 0.3, 0.03), 0.03, steel),
        Bone((x, y, 0.05), 0.035, (x, y, 1.05), 0.035, steel),
    ]
    plate: Float64Array = RING * 0.38 + (x, y, 1.07)
    shadow = Shadow(camera.project(RING * 0.3 + (x, y, 0.0)), contact=False)
    return thing(camera, light, bones, (shadow,), (x, y, 0.0), plates=((plate, top),))


def _routes(camera: Camera, wall: float, rng: np.random.Generator) -> tuple[Route, ...]:
    """Return routes into the image, to a point to wait at, and out again."""
    routes = []
    for number in range(3):
        stand = (-1.2 + 2.4 * float(rng.random()), 2.2 + (wall - 3.4) * float(rng.random()))
        side = 1.0 if rng.random() < 0.5 else -1.0
        far = camera.width / camera.focal * (stand[1] + 1.5) / 2 + 1.5
        entry = (side * far, stand[1] + 0.3) if rng.random() < 0.6 else (stand[0], -0.5)
        way_out = (-side * far, stand[1] - 0.2 + 0.5 * float(rng.random()))
        path = Path([entry, stand, way_out], rounding=2)
        to_stand = math.hypot(stand[0] - entry[0], stand[1] - entry[1])
        pause = (to_stand, 1.0 + 5.0 * float(rng.random()))
        routes.append(Route(path, "walker", 1.1, 21.0, 7.0 * number, 2.0, 0.85, pause))
    return tuple(routes)
