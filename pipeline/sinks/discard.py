"""A sink for runs that write nothing."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.frames.fate import Ticket
from pipeline.frames.result import Tracked
from pipeline.sinks import Sink


class Discard(Sink):
    """Takes frames to their end; no URL leads to it."""

    def __init__(self) -> None:
        self.name = "nothing"

    def process(self, item: Tracked) -> Iterable[Ticket]:
        """Return the frame's ticket."""
        return (item.frame.ticket,)
