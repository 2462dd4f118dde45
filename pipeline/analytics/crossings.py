"""A line and a zone, watched: what a track does is believed once it is a margin beyond the edge.

Within the margin a track is where it was before. So a box that flickers on the edge, or a track
that stands there, does nothing; and one that appears there is nowhere until it has moved away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.analytics.events import Event, Figure, TrackPoint
from pipeline.analytics.geometry import Line, Point, Zone

LEFT, RIGHT, INSIDE, OUTSIDE = "left", "right", "inside", "outside"


@dataclass(slots=True)
class _Walk:
    """A track beside a line: its settled side, and the ways through the line since then, netted."""

    place: Point
    side: str | None
    passed: int = 0


class LineCounter:
    """Tells who crosses a line from one side to the other, between its ends.

    A way is the straight one between two sightings, however far they are apart, so that a gap
    across the line counts, once. Who goes around an end of the line is on the other side, but has
    not crossed it.

    margin: pixels
    """

    def __init__(
        self, name: str, line: Line, margin: float, classes: Sequence[str] | None = None
    ) -> None:
        self.name = name
        self.classes = classes
        self._line = line
        self._margin = margin
        self._walks: dict[int, _Walk] = {}

    @property
    def occupancy(self) -> None:
        """Nobody is inside a line."""

    def see(self, sighting: TrackPoint) -> Iterator[Event]:
        """Yield a crossing if this sighting settles one."""
        place = sighting.place
        walk = self._walks.setdefault(sighting.track, _Walk(place, None))
        walk.passed += self._line.passed(walk.place, place)
        walk.place = place
        distance = self._line.distance(place)
        if abs(distance) <= self._margin:
            return
        was, now = walk.side, RIGHT if distance > 0 else LEFT
        through = walk.passed == (1 if now == RIGHT else -1)
        walk.side, walk.passed = now, 0
        if was not in {None, now} and through:
            yield Event("cross", self.name, sighting, was, now)

    def lose(self, last: TrackPoint) -> Iterator[Event]:
        """Forget a track."""
        self._walks.pop(last.track, None)
        return iter(())

    def figure(self, counts: Mapping[str, Mapping[str, int]]) -> Figure:
        """Return the line, with how many went to which side."""
        right, left = (
            sum(counts.get(f"{was} to {now}", {}).values())
            for was, now in ((LEFT, RIGHT), (RIGHT, LEFT))
        )
        text = f"{self.name}: {right} to the right, {left} to the left"
        return Figure((self._line.start, self._line.end), False, text)


@dataclass(slots=True)
class _Stay:
    """A track beside or in a zone.

    since: seconds at which it was found inside
    told: whether it was reported to dwell since then
    """

    state: str | None = None
    since: float = 0.0
    told: bool = False


class ZoneCounter:
    """Tells who enters a zone and leaves it, how long they have been in, and how many are.

    margin: pixels
    dwell_seconds: after so long inside a track is reported, once per stay; None: never
    """

    def __init__(
        self,
        name: str,
        zone: Zone,
        margin: float,
        classes: Sequence[str] | None = None,
        dwell_seconds: float | None = None,
    ) -> None:
        self.name = name
        self.classes = classes
        self._zone = zone
        self._margin = margin
        self._dwell_seconds = dwell_seconds
        self._stays: dict[int, _Stay] = {}

    @property
    def occupancy(self) -> int:
        """How many tracks are inside: seen there last, and not gone yet."""
        return sum(stay.state == INSIDE for stay in self._stays.values())

    def see(self, sighting: TrackPoint) -> Iterator[Event]:
        """Yield an entry, an exit or a long stay if this sighting settles one."""
        stay = self._stays.setdefault(sighting.track, _Stay())
        depth = self._zone.depth(sighting.place)
        was, now = stay.state, INSIDE if depth > 0 else OUTSIDE
        if abs(depth) > self._margin and now != was:
            if was == INSIDE:
                yield self._leave(stay, sighting, now)
            stay.state = now
            if now == INSIDE:
                stay.since, stay.told = sighting.seconds, False
                yield Event("enter", self.name, sighting, was, now)
        if stay.state == INSIDE and self._dwell_seconds is not None and not stay.told:
            dwelt = sighting.seconds - stay.since
            if dwelt >= self._dwell_seconds:
                stay.told = True
                yield Event("dwell", self.name, sighting, INSIDE, INSIDE, dwelt)

    def lose(self, last: TrackPoint) -> Iterator[Event]:
        """Forget a track, which has left a zone that it was seen in last."""
        stay = self._stays.pop(last.track, None)
        if stay is not None and stay.state == INSIDE:
            yield self._leave(stay, last, None)

    def figure(self, counts: Mapping[str, Mapping[str, int]]) -> Figure:
        """Return the zone, with how many are inside."""
        corners = [(float(x), float(y)) for x, y in self._zone.corners]
        return Figure(corners, True, f"{self.name}: {self.occupancy} inside")

    def _leave(self, stay: _Stay, sighting: TrackPoint, now: str | None) -> Event:
        dwelt = sighting.seconds - stay.since
        return Event("leave", self.name, sighting, INSIDE, now, dwelt)
