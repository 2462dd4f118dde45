"""Who crossed a line and who is in a zone: events that explain themselves, and what they add up to.

A track is where the middle of the lower edge of its box is. Of a box nothing is used but its edges
as they stand in JSON lines, so that whoever has those can find every event again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.analytics.geometry import Point
from trackers.tracks import Tracks

DECIMALS = 2  # of the edges of a box in JSON lines

Counts = Mapping[str, Mapping[str, Mapping[str, int]]]  # shape -> what happened -> class -> times


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """A track in one picture.

    track: its id; class_name: of its last detection; place: source pixels
    pts: of the picture as the container gave it, None where it gave none; seconds: of the source
    """

    track: int
    class_name: str
    place: Point
    pts: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Event:
    """What a track did, and both states that this is concluded from.

    kind: `cross`, `enter`, `leave` or `dwell`; shape: the name of the line or zone
    sighting: that settled it, or for a track that is gone, its last
    was, now: `left` or `right` of a line; `inside` or `outside` of a zone; None: not known yet, or
        gone
    dwell_seconds: how long it has been inside, for `leave` and `dwell`
    """

    kind: str
    shape: str
    sighting: TrackPoint
    was: str | None
    now: str | None
    dwell_seconds: float | None = None

    @property
    def counted_as(self) -> str:
        """What it is added to."""
        if self.kind == "cross":
            return f"{self.was} to {self.now}"
        return {"enter": "entered", "leave": "left", "dwell": "dwelt"}[self.kind]

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in JSON lines."""
        written: dict[str, Any] = {
            "kind": self.kind,
            "shape": self.shape,
            "counted_as": self.counted_as,
            "track": self.sighting.track,
            "class": self.sighting.class_name,
            "pts": self.sighting.pts,
            "seconds": self.sighting.seconds,
            "was": self.was,
            "now": self.now,
        }
        if self.dwell_seconds is not None:
            written["dwell_seconds"] = round(self.dwell_seconds, 3)
        return written


@dataclass(frozen=True, slots=True)
class Figure:
    """What is drawn of a line or zone: corners in pixels, and the text beside it."""

    corners: Sequence[Point]
    closed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of one picture, and of all before it.

    counts: of all events so far; occupancy: by zone, how many tracks are inside
    """

    events: Sequence[Event]
    counts: Counts
    occupancy: Mapping[str, int]
    figures: Sequence[Figure]


class Watch(Protocol):
    """One line or zone, watched.

    classes: only these are seen, None: all
    """

    name: str
    classes: Sequence[str] | None

    @property
    def occupancy(self) -> int | None:
        """How many tracks are inside, None where nobody can be."""

    def see(self, sighting: TrackPoint) -> Iterator[Event]:
        """Yield what can be concluded from a track's next sighting."""

    def lose(self, last: TrackPoint) -> Iterator[Event]:
        """Forget a track, and yield what can be concluded from it having gone."""

    def figure(self, counts: Mapping[str, Mapping[str, int]]) -> Figure:
        """Return what is drawn, with what was counted so far."""


class Analytics:
    """Watches the lines and zones of one stream.

    forget_seconds: a track that was not seen for longer is gone: as long as the tracker keeps a
        lost track, at least, so that one that comes back goes on where it was
    """

    def __init__(self, watches: Sequence[Watch], forget_seconds: float) -> None:
        self._forget_seconds = forget_seconds
        self._counts: dict[str, dict[str, dict[str, int]]] = {w.name: {} for w in watches}
        self.watch(watches)

    def watch(self, watches: Sequence[Watch]) -> None:
        """Watch these from now on, as if nobody had been seen yet; counts go on."""
        self._watches = watches
        self._last: dict[int, TrackPoint] = {}

    def update(
        self, tracks: Tracks, names: Sequence[str], pts: int | None, seconds: float
    ) -> Analysis:
        """Return what can be concluded from a picture. Tracks without identity are not looked at.

        names: of the classes, by class id
        """
        events = list(self._lose(seconds))
        for sighting in _sightings(tracks, names, pts, seconds):
            self._last[sighting.track] = sighting
            for watch in self._watching(sighting):
                events += watch.see(sighting)
        for event in events:
            self._count(event)
        return Analysis(
            events,
            deepcopy(self._counts),  # what was handed on never changes
            {w.name: w.occupancy for w in self._watches if w.occupancy is not None},
            [watch.figure(self._counts[watch.name]) for watch in self._watches],
        )

    def _lose(self, seconds: float) -> Iterator[Event]:
        gone = [s for s in self._last.values() if seconds - s.seconds > self._forget_seconds]
        for last in gone:
            del self._last[last.track]
            for watch in self._watching(last):
                yield from watch.lose(last)

    def _watching(self, sighting: TrackPoint) -> Iterator[Watch]:
        for watch in self._watches:
            if watch.classes is None or sighting.class_name in watch.classes:
                yield watch

    def _count(self, event: Event) -> None:
        by_class = self._counts[event.shape].setdefault(event.counted_as, {})
        name = event.sighting.class_name
        by_class[name] = by_class.get(name, 0) + 1


def _sightings(
    tracks: Tracks, names: Sequence[str], pts: int | None, seconds: float
) -> Iterator[TrackPoint]:
    known = tracks.confirmed
    known = known[known.ids > 0]
    rows = zip(known.ids.tolist(), known.class_ids.tolist(), known.boxes_xyxy.tolist(), strict=True)
    for identity, class_id, box in rows:
        left, _, right, bottom = (round(edge, DECIMALS) for edge in box)
        yield TrackPoint(identity, names[class_id], ((left + right) / 2, bottom), pts, seconds)
