"""Results as text: only whole lines, flushed as soon as they are written."""

from __future__ import annotations

import os

from pipeline.frames.fate import Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.result import Tracked
from pipeline.sinks.recorder import Recorder


class TextFile(Recorder):
    """Writes the text of one frame at a time; a kill or a full disk leaves whole lines."""

    def text(self, item: Tracked) -> str:
        """Return the lines of one frame, each with its line break."""
        raise NotImplementedError

    def _begin(self, frame: Frame) -> None:
        self._file = self.path.open("wb")
        self._size = 0  # bytes up to the end of the last whole line

    def _write(self, item: Tracked) -> list[Ticket]:
        lines = self.text(item).encode()
        self._file.write(lines)
        self._file.flush()
        self._size += len(lines)
        return [item.frame.ticket]

    def _complete(self) -> list[Ticket]:
        self._file.close()
        return []

    def _abandon(self) -> None:
        try:
            self._file.close()  # this tries again to write a line that did not fit
        finally:
            os.truncate(self.path, self._size)
