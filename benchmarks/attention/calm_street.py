"""A synthetic street that is busy for a while and quiet for longer, as most cameras see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from detector.detections import UInt8Array
from pipeline.sources.street.sensor import Sensor
from pipeline.sources.street.traffic import Route
from pipeline.sources.street.world import SCENES, Street, Truth

BUSY_SECONDS = 6.0  # in which all actors of a period set out; they take some seconds to leave


class CalmStreet:
    """The street of a seed with its traffic gathered in one part of each period.

    seed: of scene, light and traffic; size: width, height
    period: seconds from one busy part to the next
    """

    def __init__(
        self, seed: int, size: tuple[int, int] = (768, 432), *, period: float = 40.0
    ) -> None:
        make_scene = SCENES[seed % len(SCENES)]
        scene = make_scene(np.random.default_rng([seed, 14]), *size)
        routes = tuple(route for each in scene.routes for route in _gathered(each, period))
        self._street = Street(replace(scene, routes=routes), seed)
        self._sensor = Sensor(seed, *size)
        self.interval = Fraction(1, 25)

    def draw(self, index: int) -> UInt8Array:
        """Return frame `index`, (h, w, 3) uint8 BGR."""
        seconds = float(index * self.interval)
        return self._sensor.expose(self._street.draw(seconds), index, seconds)

    def truth(self, index: int) -> Iterable[Truth]:
        """Return the visible objects of frame `index`."""
        return self._street.truth(float(index * self.interval))


def _gathered(route: Route, period: float) -> list[Route]:
    """Return routes with as many departures per busy part as the route has in that time."""
    departures = max(1, round(BUSY_SECONDS / route.period))
    step = BUSY_SECONDS / departures
    first = 10.0 + route.offset % step
    return [
        replace(route, period=period, offset=first + k * step, jitter=min(step, 2.0))
        for k in range(departures)
    ]
