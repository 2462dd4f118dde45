"""A street: two lanes, cycle lane, pavements, a zebra crossing, parked cars and trees."""

from __future__ import annotations

import math

import numpy as np

from pipeline.sources.street.camera import Camera
from pipeline.sources.street.cars import random_car, sketch_car
from pipeline.sources.street.drawing import Colour
from pipeline.sources.street.ground import Ground, Mask
from pipeline.sources.street.light import Light, Pose, Sketch
from pipeline.sources.street.scene import Axis, Scene, lamp_post, random_light, tree
from pipeline.sources.street.traffic import Path, Route

# Bands across the street, metres to the left of its axis, which runs to the right in the image.
NEAR_KERB, CYCLE_EDGE, FAR_EDGE, PARKING_EDGE, FAR_KERB = -4.9, -3.3, 3.3, 5.5, 8.6
BAYS_MIDDLE = (FAR_EDGE + PARKING_EDGE) / 2 + 0.05
BAY = 5.6  # metres along the street for one parked car
ISLAND = 2.1  # metres on both sides of the crossing without parking
REACH = 17.0  # metres along the street in both directions where routes start and end
PERIOD = 18.0  # seconds: vehicles first, then pedestrians who cross


def road(rng: np.random.Generator, width: int, height: int) -> Scene:
    """Return a street seen from a lamp post or a first floor."""
    camera = Camera(
        height=8.4 + 2.4 * rng.random(),
        pitch=math.radians(36 + 6 * rng.random()),
        focal=width * (0.80 + 0.12 * rng.random()),
        width=width,
        height_px=height,
    )
    x, y = camera.spot(width / 2, height * 0.52)
    axis = Axis(x, y, math.radians(-14 + 28 * rng.random()))
    light = random_light(rng, veiled=0.25)
    zebra = -3.5 + 7 * rng.random()
    things, parked = _standing(camera, light, axis, zebra, rng)
    ground = _ground(camera, axis, zebra, rng)
    return Scene(
        camera,
        light,
        ground.image(),
        things,
        parked,
        _routes(axis, zebra, rng),
    )


def _ground(camera: Camera, axis: Axis, zebra: float, rng: np.random.Generator) -> Ground:
    ground = Ground(camera, axis.angle, (axis.x, axis.y), rng)
    s, t = ground.s, ground.t
    grey = 92 + int(rng.integers(24))
    asphalt: Colour = (grey + 2, grey, grey - 1)
    ground.fill(ground.all, asphalt, 0.22, 0.05)
    red: Colour = (grey - 14, grey - 8, grey + 26)
    ground.fill((t > NEAR_KERB) & (t < CYCLE_EDGE), red, 0.16, 0.05)
    ground.fill((t > FAR_EDGE) & (t < PARKING_EDGE), (grey - 8, grey - 9, grey - 9), 0.25, 0.08)
    for wheel in (-2.35, -0.85, 0.9, 2.4):  # tyre tracks
        ground.tint(np.abs(t - wheel) < 0.28, 0.955)
    _markings(ground, zebra)
    _pavements(ground, zebra)
    for _ in range(5):
        ground.stain(-9 + 18 * rng.random(), -3 + 8 * rng.random(), 0.5 + 0.6 * rng.random(), 0.2)
    lid = ground.spot(zebra + 4.6, -1.6, 0.34)
    ground.fill(lid, (82, 84, 84), 0.06, 0.0)
    ground.tint(lid & ((s * 8).astype(np.int64) % 2 == 0), 0.85)
    return ground


def _markings(ground: Ground, zebra: float) -> None:
    s, t = ground.s, ground.t
    crossing = np.abs(s - zebra) < 1.7
    clear: Mask = np.abs(s - zebra) > 2.2
    dashes = (np.floor(s / 1.5).astype(np.int64) % 3 < 2) & (np.abs(s - zebra) > 3.4)
    ground.mark((np.abs(t) < 0.06) & dashes)
    ground.mark((np.abs(t - CYCLE_EDGE) < 0.06) & clear)
    ground.mark((np.abs(t - FAR_EDGE) < 0.05) & clear & (np.floor(s / 0.5) % 2 == 0))
    bay = (np.abs(s - zebra) - ISLAND) % BAY < 0.1
    ground.mark(bay & (t > FAR_EDGE) & (t < PARKING_EDGE) & clear)
    bars = np.floor((t - CYCLE_EDGE) / 0.5).astype(np.int64) % 2 == 0
    ground.mark(crossing & bars & (t > CYCLE_EDGE) & (t < FAR_EDGE), wear=0.36)
    for side in (-1.0, 1.0):  # stop lines
        lane = (t < -0.2) & (t > CYCLE_EDGE + 0.2) if side < 0 else (t > 0.2) & (t < FAR_EDGE - 0.2)
        ground.mark((np.abs(s - zebra - side * 2.6) < 0.15) & lane)


def _pavements(ground: Ground, zebra: float) -> None:
    s, t = ground.s, ground.t
    near = np.full(s.shape, NEAR_KERB)
    far = np.where(
        np.abs(s - zebra) < ISLAND, FAR_EDGE, PARKING_EDGE
    )  # the pavement is wider there
    for kerb, side in ((near, -1.0), (far, 1.0)):
        out = (t - kerb) * side  # metres from the kerb, away from the road
        slabs = out > 0.14
        ground.fill(slabs, (152, 158, 162), 0.10, 0.07)
        joints = ((s / 0.6) % 1 < 0.05) | ((out / 0.6) % 1 < 0.05)
        ground.tint(slabs & joints, 0.86)
        odd = (np.floor(s / 0.6) * 7 + np.floor(out / 0.6) * 13).astype(np.int64) % 5
        ground.tint(slabs & (odd == 0), 0.965)
        ground.fill((out > 0) & (out <= 0.14), (176, 180, 182), 0.08, 0.04)
        ground.tint((out > -0.10) & (out <= 0), 0.78)
    ground.fill(t > FAR_KERB, (58, 112, 84), 0.34, 0.16)
    ground.fill((t > FAR_KERB) & (t < FAR_KERB + 0.1), (150, 154, 156), 0.1, 0.05)


def _standing(
    camera: Camera, light: Light, axis: Axis, zebra: float, rng: np.random.Generator
) -> tuple[tuple[Sketch, ...], tuple[Sketch, ...]]:
    """Return trees and a lamp post, and parked cars: a bay has a car, a tree or neither."""
    side = 1.0 if zebra < 0 else -1.0
    things = [lamp_post(camera, light, *axis.point(zebra + side * 5.2, NEAR_KERB - 0.45))]
    parked = []
    for k in range(-3, 3):
        middle = zebra + (BAY * (k + 0.5) + ISLAND if k >= 0 else BAY * (k + 0.5) - ISLAND)
        chance = rng.random()
        if chance < 0.45:
            spot = axis.point(middle + 0.4 * (rng.random() - 0.5), BAYS_MIDDLE)
            pose = Pose(*spot, axis.angle + math.pi)
            parked.append(sketch_car(camera, light, pose, random_car(rng)))
        elif chance < 0.85:
            things += tree(camera, light, *axis.point(middle, PARKING_EDGE - 0.7), rng)
    for k in range(-2, 3):
        s = zebra + 7.3 * k + 3.0 + rng.random()
        if rng.random() < 0.6:
            things += tree(camera, light, *axis.point(s, FAR_KERB + 1.4), rng)
    return tuple(things), tuple(parked)


def _routes(axis: Axis, zebra: float, rng: np.random.Generator) -> tuple[Route, ...]:
    def line(t: float, forward: bool) -> Path:
        ends = [axis.point(-REACH, t), axis.point(REACH, t)]
        return Path(ends if forward else ends[::-1])

    def passing(kind: str, t: float, speed: float, at: float, chance: float) -> Route:
        """Return a route whose users pass the zebra crossing `at` seconds into each period."""
        forward = t < 0
        before = (zebra + REACH if forward else REACH - zebra) / speed
        return Route(line(t, forward), kind, speed, PERIOD, at - before, 0.8, chance)

    routes = [
        passing("car", -1.62, 6.0, 1.0, 0.95),
        passing("car", -1.62, 6.0, 4.4, 0.8),
        passing("car", 1.66, 6.4, 2.2, 0.9),
        passing("car", 1.66, 6.4, 5.6, 0.7),
        passing("rider", -4.1, 3.9, 0.2, 0.8),
        passing("rider", -4.1, 3.9, 3.4, 0.8),
        passing("rider", 2.6, 4.2, 0.4, 0.5),
    ]
    for t, forward in ((-5.7, True), (-6.6, False), (6.4, True), (7.3, False)):
        offset = 8 * float(rng.random())
        speed = 1.25 + 0.25 * float(rng.random())
        routes.append(Route(line(t, forward), "walker", speed, 8.5, offset, 3.0, 0.75))
    routes.append(Route(line(7.9, True), "pusher", 1.2, 40.0, 6.0, 10.0, 0.8))
    for k, offset in enumerate((7.6, 8.2)):
        routes.append(_crossing(axis, zebra + 0.8 * (k - 0.5), upward=k == 0, at=offset))
    return tuple(routes)


def _crossing(axis: Axis, s: float, upward: bool, at: float) -> Route:
    """Return the route of pedestrians who step on the crossing `at` seconds into each period."""
    start, end = NEAR_KERB - 1.2, PARKING_EDGE + 1.4
    side = REACH if upward else -REACH
    corners = [(-side, start), (s, start), (s, end), (side, end)]
    corners = corners if upward else corners[::-1]
    speed = 1.45
    before = abs(corners[1][0] - corners[0][0]) / speed
    path = Path([axis.point(*corner) for corner in corners], rounding=3)
    return Route(path, "walker", speed, PERIOD, at - before, 0.5, 0.8)
