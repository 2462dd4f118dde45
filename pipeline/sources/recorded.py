"""The part that all sources share which wait for their reader: how a stop cuts the stream."""

from __future__ import annotations

from threading import Event

from pipeline.sources import Source


class RecordedSource(Source):
    """A source that is read at the reader's pace, to its end or until it is stopped."""

    def __init__(self) -> None:
        self._cut = Event()
        self._ended = False  # it was read to its end

    def stop(self) -> None:
        """End with the frame that is being read."""
        if not self._ended:
            self._cut.set()

    def close(self) -> None:
        """Release everything; by default there is nothing to release."""
