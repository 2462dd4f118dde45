"""Traffic: routes, and actors that start on them at times from the seed.

The state depends on the time alone, so that any frame can be drawn without the frames before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from pipeline.sources.street.bicycles import Bicycle, random_bicycle, sketch_pusher, sketch_rider
from pipeline.sources.street.camera import Camera, Float64Array
from pipeline.sources.street.cars import Car, random_car, sketch_car
from pipeline.sources.street.light import Light, Pose, Sketch
from pipeline.sources.street.people import Clothes, random_clothes, sketch_walker

_MIN_DEPTH = 1.5  # metres: what is nearer to the camera is not drawn
_REACH = {"car": 4.5, "rider": 2.8, "pusher": 2.8, "walker": 2.5}  # metres, including the shadow


def _near_image(camera: Camera, pose: Pose, reach: float) -> bool:
    """Return whether a ball of radius `reach`, 1 m above a pose, is partly in the image."""
    (px, py), scale = (v[0] for v in camera.pixels(np.array([(pose.x, pose.y, 1.0)])))
    margin = reach * scale
    in_width = -margin < px < camera.width + margin
    in_height = -margin < py < camera.height_px + margin
    return bool(pose.depth(camera) > _MIN_DEPTH and in_width and in_height)


class Path:
    """A line on the ground, parametrised by its length."""

    def __init__(self, corners: Sequence[tuple[float, float]], rounding: int = 0) -> None:
        """Take (x, y) corners in metres; rounding: how often every corner is cut."""
        points: Float64Array = np.array(corners, np.float64)
        for _ in range(rounding):  # Chaikin's corner cutting: a quadratic curve in the limit
            near, far = points[:-1], points[1:]
            cut = np.stack([near * 0.75 + far * 0.25, near * 0.25 + far * 0.75], 1).reshape(-1, 2)
            points = np.concatenate([points[:1], cut, points[-1:]])
        steps = points[1:] - points[:-1]
        lengths = np.sqrt(steps[:, 0] ** 2 + steps[:, 1] ** 2)
        self._points = points
        self._headings = [math.atan2(dy, dx) for dx, dy in steps.tolist()]
        self._ends = np.concatenate([[0.0], np.cumsum(lengths)])
        self.length = float(self._ends[-1])

    def pose(self, travelled: float, moving: bool = True) -> Pose:
        """Return position and heading after `travelled` metres."""
        x = float(np.interp(travelled, self._ends, self._points[:, 0]))
        y = float(np.interp(travelled, self._ends, self._points[:, 1]))
        return Pose(x, y, self._heading(travelled), travelled if moving else 0.0)

    def _heading(self, travelled: float) -> float:
        """Return the heading, interpolated between the middles of two steps."""
        middles = (self._ends[1:] + self._ends[:-1]) / 2
        after = int(np.searchsorted(middles, travelled))
        if after in (0, len(middles)):
            return self._headings[min(after, len(middles) - 1)]
        start, end = self._headings[after - 1], self._headings[after]
        turn = (end - start + math.pi) % (2 * math.pi) - math.pi
        share = (travelled - middles[after - 1]) / (middles[after] - middles[after - 1])
        return start + turn * float(share)


@dataclass(frozen=True, slots=True)
class Route:
    """A path with its users and their times of departure.

    kind: car, walker, rider or pusher; speed: metres per second
    period: seconds between two departures, the first at `offset`; jitter: maximum random delay of
        each; chance: 0..1, the share of departures that take place
    pause: metres before the actor stops, and seconds until it continues
    """

    path: Path = field(repr=False)
    kind: str
    speed: float
    period: float
    offset: float = 0.0
    jitter: float = 0.0
    chance: float = 1.0
    pause: tuple[float, float] = (0.0, 0.0)

    @property
    def duration(self) -> float:
        """Seconds from one end of the path to the other, for the slowest actor."""
        return self.path.length / (self.speed * 0.93) + self.pause[1]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or vehicle on a route.

    key: unique in the run; the parts of an actor take key, key + 1
    """

    key: int
    route: Route
    start: float
    speed: float
    clothes: Clothes
    bicycle: Bicycle
    car: Car

    def sketch(self, camera: Camera, light: Light, seconds: float) -> Sketch | None:
        """Draw it at a time; None if neither it nor its shadow is visible."""
        pose = self._pose(seconds)
        if not _near_image(camera, pose, _REACH[self.route.kind]):
            return None
        match self.route.kind:
            case "car":
                return sketch_car(camera, light, pose, self.car)
            case "rider":
                return sketch_rider(camera, light, pose, self.clothes, self.bicycle)
            case "pusher":
                return sketch_pusher(camera, light, pose, self.clothes, self.bicycle)
        return sketch_walker(camera, light, pose, self.clothes)

    def _pose(self, seconds: float) -> Pose:
        elapsed = seconds - self.start
        where, rest = self.route.pause
        arrival = where / self.speed
        standing = arrival <= elapsed < arrival + rest
        if elapsed >= arrival:
            elapsed = max(arrival, elapsed - rest)
        return self.route.path.pose(elapsed * self.speed, moving=not standing)


class Traffic:
    """The actors on all routes of a scene."""

    def __init__(self, routes: Sequence[Route], seed: int, first_key: int) -> None:
        self._routes = tuple(routes)
        self._seed = seed
        self._before = max(math.ceil(r.duration / r.period) + 2 for r in routes)
        self._first_key = first_key
        self._actor = lru_cache(maxsize=256)(self._make_actor)

    def at(self, seconds: float) -> Iterator[Actor]:
        """Yield the actors that are on their routes at a time."""
        for number, route in enumerate(self._routes):
            last = math.floor((seconds - route.offset) / route.period)
            first = math.floor(
                (seconds - route.offset - route.duration - route.jitter) / route.period
            )
            for slot in range(first, last + 1):
                actor = self._actor(number, slot)
                if actor is None or seconds < actor.start:
                    continue
                if (seconds - actor.start - route.pause[1]) * actor.speed < route.path.length:
                    yield actor

    def _make_actor(self, number: int, slot: int) -> Actor | None:
        route = self._routes[number]
        turn = slot + self._before
        if turn < 0:
            return None
        rng = np.random.default_rng([self._seed, number, turn])
        if rng.random() >= route.chance:
            return None
        key = self._first_key + 2 * (turn * len(self._routes) + number)
        start = route.offset + slot * route.period + route.jitter * rng.random()
        speed = route.speed * (0.93 + 0.14 * rng.random())
        return Actor(
            key, route, start, speed, random_clothes(rng), random_bicycle(rng), random_car(rng)
        )
