"""The part that all sinks of single files share: when the file appears, and what it is called."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from pipeline.frames.fate import Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.result import Tracked
from pipeline.sinks import Sink, SinkError
from pipeline.sinks.output_lock import OutputLock, open_locked

log = logging.getLogger("framelane")


class Recorder(Sink):
    """Writes one file, which looks complete only if it is.

    The file and its folder are created with the first frame, so that a source that cannot be
    opened leaves an older result alone. The growing file has its final name, so that a killed run
    leaves it in the expected place. If the run fails, `out.mp4` becomes `out.incomplete.mp4`. From
    `open` to `close` no other run can write it.

    classes: names by class id, for formats that write them
    """

    foreign_errors: ClassVar[tuple[type[Exception], ...]] = (OSError,)  # raised while writing

    def __init__(self, path: Path | str, classes: Sequence[str] = ()) -> None:
        self.write_to(Path(path))
        self.name = self.path.name
        self._classes = classes
        self._growing = False  # our file exists and is not complete
        self._lock: OutputLock | None = None
        self._locked_file: int | None = None  # the file's descriptor, which locks it

    def write_to(self, path: Path) -> None:
        """Write to another path, whose suffix need not tell the format; called before `open`."""
        self.path = path
        self.incomplete_path = path.with_suffix(f".incomplete{path.suffix}")

    def open(self) -> None:
        """Lock the name of the file; nothing else is created before the first frame."""
        with self._translated():
            self._lock = OutputLock(self.path)

    def process(self, item: Tracked) -> Iterable[Ticket]:
        """Write the frame, and return the tickets of the frames that are written by now."""
        with self._translated():
            if not self._growing:
                self._create()
                self._begin(item.frame)
            return self._write(item)

    def finish(self) -> Iterable[Ticket]:
        """Complete the file; without a frame there is none."""
        if not self._growing:
            return ()
        with self._translated():
            written = self._complete()
        self._growing = False
        self._unlock_file()
        return written

    def close(self) -> None:
        """After a failure, keep what can be read, and rename the file to say so."""
        if self._growing:
            self._growing = False
            with suppress(*self.foreign_errors, SinkError):  # the first failure is already reported
                self._abandon()
            self._rename()
        self._unlock_file()
        if self._lock:
            self._lock.release()

    def _rename(self) -> None:
        try:
            self.written = self.path.replace(self.incomplete_path)
        except OSError as error:  # if raised, it would hide the first failure
            log.warning("'%s' is incomplete, and keeps its name: %s", self.path, error.strerror)

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._locked_file = open_locked(self.path)
        self._growing, self.written = True, self.path

    def _unlock_file(self) -> None:
        if self._locked_file is not None:
            os.close(self._locked_file)
            self._locked_file = None

    def _begin(self, frame: Frame) -> None:
        """Open the file, which exists and is empty, for the stream of this first frame."""
        raise NotImplementedError

    def _write(self, item: Tracked) -> list[Ticket]:
        """Write one item, and return the tickets of the frames that are written by now."""
        raise NotImplementedError

    def _complete(self) -> list[Ticket]:
        """Write the frames that are still held, close the file, and return their tickets."""
        raise NotImplementedError

    def _abandon(self) -> None:
        """Close the file so that its content can be read; the first failure may recur."""
        raise NotImplementedError

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self.foreign_errors as error:
            why = getattr(error, "strerror", None) or error
            raise SinkError(f"cannot write '{self.path}': {why}") from error
