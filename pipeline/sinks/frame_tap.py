"""The newest tracked frame of a stream, and every one of them for those who look on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock

from pipeline.frames.fate import Ticket
from pipeline.frames.result import Tracked
from pipeline.sinks import Sink

Listener = Callable[[Tracked], None]


class FrameTap(Sink):
    """Keeps the newest frame and calls listeners with each; no URL leads to it.

    Listeners are called on the sink's thread: they must neither wait nor raise. The newest frame
    costs the memory of one picture.
    """

    def __init__(self) -> None:
        self.name = "page"
        self.latest: Tracked | None = None
        self._listeners: tuple[Listener, ...] = ()
        self._lock = Lock()

    def process(self, item: Tracked) -> Iterable[Ticket]:
        """Hand the frame on."""
        self.latest = item
        for listener in self._listeners:
            listener(item)
        return (item.frame.ticket,)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each frame from now on; any thread may ask."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def stop_listening(self, listener: Listener) -> None:
        """Do not call `listener` any more, at most once more."""
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each != listener)
