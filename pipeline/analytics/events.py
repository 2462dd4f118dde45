"""From the tracks of a stream to its events and counts.

The position of a track is the middle of the lower edge of its box. The edges are rounded as in JSON
lines and nothing else of the box is used, so that every event can be computed again from the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Protocol

from pipeline.analysis import BOX_DECIMALS, Analysis, Event, Figure, TrackPoint
from trackers.tracks import Tracks


class Watch(Protocol):
    """One line or zone, and the state of each track at it.

    classes: only tracks of these classes are watched; None: all
    """

    name: str
    classes: Sequence[str] | None

    @property
    def occupancy(self) -> int | None:
        """How many tracks are inside; None for a line."""

    def see(self, point: TrackPoint) -> Iterator[Event]:
        """Yield the events that the next position of a track settles."""

    def lose(self, last: TrackPoint) -> Iterator[Event]:
        """Forget a track that is gone, and yield the event that this settles."""

    def figure(self, counts: Mapping[str, Mapping[str, int]]) -> Figure:
        """Return what is drawn, with the counts so far."""


class Analytics:
    """Watches the lines and zones of one stream.

    forget_seconds: a track not seen for longer is gone. At least as long as the tracker keeps lost
        tracks, so that a track that comes back continues from its old state.
    """

    def __init__(self, watches: Sequence[Watch], forget_seconds: float) -> None:
        self._counts: dict[str, dict[str, dict[str, int]]] = {}
        self._generation = 0
        self.watch(watches, forget_seconds)

    def watch(self, watches: Sequence[Watch], forget_seconds: float) -> None:
        """Replace the watches and forget all tracks; the counts of those that stay continue."""
        self._generation += 1
        self._forget_seconds = forget_seconds
        self._watches = watches
        self._counts = {watch.name: self._counts.get(watch.name, {}) for watch in watches}
        self._last: dict[int, TrackPoint] = {}

    def update(
        self, tracks: Tracks, names: Sequence[str], pts: int | None, seconds: float
    ) -> Analysis:
        """Return the events of the next frame and the counts after it.

        Tracks without an identity are ignored.

        names: of the classes, by class id
        """
        events = list(self._lose(seconds))
        for point in _points(tracks, names, pts, seconds):
            self._last[point.track] = point
            for watch in self._watching(point):
                events += watch.see(point)
        for event in events:
            self._count(event)
        return Analysis(
            events,
            deepcopy(self._counts),  # an analysis never changes once it is handed on
            {w.name: w.occupancy for w in self._watches if w.occupancy is not None},
            [watch.figure(self._counts[watch.name]) for watch in self._watches],
            self._generation,
        )

    def _lose(self, seconds: float) -> Iterator[Event]:
        gone = [p for p in self._last.values() if seconds - p.seconds > self._forget_seconds]
        for last in gone:
            del self._last[last.track]
            for watch in self._watches:  # its class may have been another one when it entered
                yield from watch.lose(last)

    def _watching(self, point: TrackPoint) -> Iterator[Watch]:
        for watch in self._watches:
            if watch.classes is None or point.class_name in watch.classes:
                yield watch

    def _count(self, event: Event) -> None:
        by_class = self._counts[event.shape].setdefault(event.counted_as, {})
        name = event.point.class_name
        by_class[name] = by_class.get(name, 0) + 1


def _points(
    tracks: Tracks, names: Sequence[str], pts: int | None, seconds: float
) -> Iterator[TrackPoint]:
    identified = tracks.confirmed
    identified = identified[identified.ids > 0]
    rows = zip(
        identified.ids.tolist(),
        identified.class_ids.tolist(),
        identified.boxes_xyxy.tolist(),
        strict=True,
    )
    for identity, class_id, box in rows:
        left, _, right, bottom = (round(edge, BOX_DECIMALS) for edge in box)
        yield TrackPoint(identity, names[class_id], ((left + right) / 2, bottom), pts, seconds)
