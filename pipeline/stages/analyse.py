"""Tracks to events: lines and zones are placed once the size of the frames is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.analytics.board import AnalyticsBoard, Posted
from pipeline.analytics.events import Analytics
from pipeline.frames.result import Tracked
from pipeline.runtime.stage import Stage


class Analyse(Stage[Tracked, Tracked]):
    """Watches the lines and zones of a stream.

    When they are replaced, or the size of the frames changes, the counts continue and all tracks
    are forgotten.

    names: of the classes, by class id
    """

    def __init__(self, board: AnalyticsBoard, stream: str, names: Sequence[str]) -> None:
        self._board = board
        self._stream = stream
        self._names = names
        self._placed: tuple[Posted, tuple[int, int]] | None = None  # the set, for this size
        self._analytics = Analytics((), board.posted.config.forget_seconds)
        self._active = False

    def process(self, item: Tracked) -> Iterable[Tracked]:
        """Return the frame with its events and the counts so far; unchanged without any shape."""
        frame = item.frame
        placed = self._board.posted, (frame.picture.width, frame.picture.height)
        if placed != self._placed:
            self._place(*placed)
            self._placed = placed
        if not self._active:
            return (item,)
        seen = item.tracks[:0] if frame.rests else item.tracks  # a prediction settles no event
        analysis = self._analytics.update(seen, self._names, frame.pts, float(frame.time))
        return (replace(item, analysis=analysis),)

    def _place(self, posted: Posted, size: tuple[int, int]) -> None:
        make = self._board.watches(self._stream, posted.config)
        self._active = make is not None
        self._analytics.watch(make(*size) if make else (), posted.config.forget_seconds)
