"""Counters for a line and for a zone, with a margin around each edge.

A track changes sides only when it is more than the margin beyond the edge; within the margin it
keeps its last side. So a box that flickers at the edge causes no event, and a track that first
appears within the margin has no side until it leaves the margin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.analysis import Event, Figure, Point, TrackPoint
from pipeline.analytics.geometry import Line, Zone

LEFT, RIGHT, INSIDE, OUTSIDE = "left", "right", "inside", "outside"


@dataclass(slots=True)
class _LineState:
    """A track at a line.

    side: the last one that was settled, None if none was
    passes: through the line since then: to the right minus to the left
    """

    position: Point
    side: str | None
    passes: int = 0


class LineCounter:
    """Reports tracks that cross a line between its two ends.

    Two positions in a row are joined by a straight path, however far apart they are, so a track
    that is not seen at the line itself is counted once. A track that goes around an end of the line
    changes sides, but does not cross.

    margin: pixels
    """

    def __init__(
        self, name: str, line: Line, margin: float, classes: Sequence[str] | None = None
    ) -> None:
        self.name = name
        self.classes = classes
        self._line = line
        self._margin = margin
        self._states: dict[int, _LineState] = {}

    @property
    def occupancy(self) -> None:
        """None: a line has no inside."""

    def see(self, point: TrackPoint) -> Iterator[Event]:
        """Yield a crossing if this position settles one."""
        position = point.position
        state = self._states.setdefault(point.track, _LineState(position, None))
        state.passes += self._line.passed(state.position, position)
        state.position = position
        distance = self._line.distance(position)
        if abs(distance) <= self._margin:
            return
        was, now = state.side, RIGHT if distance > 0 else LEFT
        passed = state.passes == (1 if now == RIGHT else -1)
        state.side, state.passes = now, 0
        if was not in {None, now} and passed:
            yield Event("cross", self.name, point, was, now)

    def lose(self, last: TrackPoint) -> Iterator[Event]:
        """Forget a track; this is never an event."""
        self._states.pop(last.track, None)
        return iter(())

    def figure(self, counts: Mapping[str, Mapping[str, int]]) -> Figure:
        """Return the line, with the crossings in each direction."""
        right, left = (
            sum(counts.get(f"{was} to {now}", {}).values())
            for was, now in ((LEFT, RIGHT), (RIGHT, LEFT))
        )
        text = f"{self.name}: {right} to the right, {left} to the left"
        return Figure((self._line.start, self._line.end), False, text)


@dataclass(slots=True)
class _ZoneState:
    """A track at a zone.

    side: INSIDE or OUTSIDE, None if not settled yet
    since: seconds when it was found inside
    reported: whether its dwell has been reported since then
    """

    side: str | None = None
    since: float = 0.0
    reported: bool = False


class ZoneCounter:
    """Reports tracks that enter, dwell in and leave a zone, and counts those inside.

    margin: pixels
    dwell_seconds: time inside after which a track is reported, once per stay; None: never
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
        self._states: dict[int, _ZoneState] = {}

    @property
    def occupancy(self) -> int:
        """How many tracks were inside when last seen, and are not gone yet."""
        return sum(state.side == INSIDE for state in self._states.values())

    def see(self, point: TrackPoint) -> Iterator[Event]:
        """Yield an entry, an exit or a dwell if this position settles one."""
        state = self._states.setdefault(point.track, _ZoneState())
        depth = self._zone.depth(point.position)
        was, now = state.side, INSIDE if depth > 0 else OUTSIDE
        if abs(depth) > self._margin and now != was:
            if was == INSIDE:
                yield self._leave(state, point, now)
            state.side = now
            if now == INSIDE:
                state.since, state.reported = point.seconds, False
                yield Event("enter", self.name, point, was, now)
        if state.side == INSIDE and self._dwell_seconds is not None and not state.reported:
            dwelt = point.seconds - state.since
            if dwelt >= self._dwell_seconds:
                state.reported = True
                yield Event("dwell", self.name, point, INSIDE, INSIDE, dwelt)

    def lose(self, last: TrackPoint) -> Iterator[Event]:
        """Forget a track; if it was inside, it has left."""
        state = self._states.pop(last.track, None)
        if state is not None and state.side == INSIDE:
            yield self._leave(state, last, None)

    def figure(self, counts: Mapping[str, Mapping[str, int]]) -> Figure:
        """Return the zone, with the number of tracks inside."""
        corners = [(float(x), float(y)) for x, y in self._zone.corners]
        return Figure(corners, True, f"{self.name}: {self.occupancy} inside")

    def _leave(self, state: _ZoneState, point: TrackPoint, now: str | None) -> Event:
        dwelt = point.seconds - state.since
        return Event("leave", self.name, point, INSIDE, now, dwelt)
