"""Tracks to events: lines and zones are placed once the size of the frames is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.analytics.config import WatchMaker
from pipeline.analytics.events import Analytics
from pipeline.frame import Tracked
from pipeline.runtime.stage import Stage


class Analyse(Stage[Tracked, Tracked]):
    """Watches the lines and zones of a stream.

    watches: makes the counters for a frame size; a change of size keeps the counts and forgets all
        tracks
    names: of the classes, by class id
    forget_seconds: see Analytics
    """

    def __init__(self, watches: WatchMaker, names: Sequence[str], forget_seconds: float) -> None:
        self._make = watches
        self._names = names
        self._forget_seconds = forget_seconds
        self._size: tuple[int, int] | None = None
        self._analytics: Analytics | None = None

    def process(self, item: Tracked) -> Iterable[Tracked]:
        """Return the frame with its events and the counts so far."""
        frame = item.frame
        size = frame.picture.width, frame.picture.height
        if self._analytics is None:
            self._analytics = Analytics(self._make(*size), self._forget_seconds)
        elif size != self._size:
            self._analytics.watch(self._make(*size))
        self._size = size
        analysis = self._analytics.update(item.tracks, self._names, frame.pts, float(frame.time))
        return (replace(item, analysis=analysis),)
