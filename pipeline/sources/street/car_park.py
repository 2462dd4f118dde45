"""A car park seen from above: bays, turning cars, people on foot and with bicycles."""

from __future__ import annotations

import math

import numpy as np

from pipeline.sources.street.camera import Camera
from pipeline.sources.street.drawing import Colour
from pipeline.sources.street.ground import Ground
from pipeline.sources.street.scene import Axis, Scene, random_light
from pipeline.sources.street.traffic import Path, Route

BAY = 2.6  # metres between two lines
PERIOD = 20.0  # seconds: cars first, then people, so that they do not collide


def car_park(rng: np.random.Generator, width: int, height: int) -> Scene:
    """Return a wide area of asphalt, with cars large in the image."""
    camera = Camera(
        height=4.8 + 4.2 * rng.random(),
        pitch=math.radians(36 + 22 * rng.random()),
        focal=width * (0.78 + 0.30 * rng.random()),
        width=width,
        height_px=height,
    )
    x, y = camera.spot(width / 2, height / 2)
    lane = Axis(x, y, math.radians(35 + 110 * rng.random()))
    routes = _cars(lane, rng) + _people(camera, rng)
    light = random_light(rng, veiled=0.6)
    return Scene(camera, light, _ground(camera, rng).image(), (), (), routes)


def _ground(camera: Camera, rng: np.random.Generator) -> Ground:
    x, y = camera.spot(camera.width * rng.random(), camera.height_px * 0.3 * rng.random())
    ground = Ground(camera, math.radians(180 * rng.random()), (x, y), rng)
    grey = 62 + int(rng.integers(64))
    asphalt: Colour = (grey + 2, grey, grey - int(rng.integers(3)))
    ground.fill(ground.all, asphalt, 0.04 + 0.14 * rng.random(), 0.03 + 0.04 * rng.random())
    ground.speckle(rng, int(rng.integers(60)))
    s, t = ground.s, ground.t
    length = 4.5 + 1.5 * rng.random()
    lines = np.abs((s / BAY + 0.5) % 1 - 0.5) * BAY < 0.055
    ground.mark(lines & (t > 0) & (t < length))
    ground.mark((np.abs(t - length) < 0.055) | (np.abs(t - length * 2) < 0.03))
    for _ in range(int(rng.integers(2, 8))):
        spot = ground.somewhere(rng)
        ground.stain(*spot, 0.2 + 0.5 * rng.random(), 0.10 + 0.20 * rng.random())
    return ground


def _cars(lane: Axis, rng: np.random.Generator) -> tuple[Route, ...]:
    """Return two parallel bent lanes, one in each direction."""
    bend = 5.0 * (rng.random() - 0.5)
    speed = 3.6 + 1.6 * rng.random()
    routes = []
    for side, offsets in ((-1.6, (0.0, 2.2, 4.4)), (1.6, (0.6, 2.8))):
        line = [(-16.0, side + bend), (-4.0, side), (4.0, side), (16.0, side - bend)]
        corners = [lane.point(*point) for point in (line if side < 0 else line[::-1])]
        path = Path(corners, rounding=4)
        before = path.length / 2 / speed
        for at in offsets:
            routes.append(Route(path, "car", speed, PERIOD, at - before, 0.6, 0.7))
    return tuple(routes)


def _people(camera: Camera, rng: np.random.Generator) -> tuple[Route, ...]:
    """Return routes across the image, from border to border, each at its own time."""
    kinds = (("pusher", 1.25), ("walker", 1.3), ("rider", 3.2), ("walker", 1.4), ("pusher", 1.2))
    routes = []
    for kind, speed in kinds:
        down = camera.height_px * (0.12 + 0.68 * float(rng.random()))
        tilt = camera.height_px * 0.35 * (float(rng.random()) - 0.5)
        left = camera.spot(-camera.width * 0.12, down - tilt)
        middle = camera.spot(camera.width / 2, down)
        right = camera.spot(camera.width * 1.12, down + tilt)
        corners = [left, middle, right]
        path = Path(corners if rng.random() < 0.5 else corners[::-1], rounding=3)
        before = path.length / 2 / speed
        at = 11.5 + float(rng.random())
        routes.append(Route(path, kind, speed, PERIOD, at - before, 1.0, 0.7))
    return tuple(routes)
