"""What all sinks that write a file have in common: when it appears, and what it is called."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from pipeline.frame import Frame, Ticket, Tracked
from pipeline.sinks import Sink, SinkError

log = logging.getLogger("framelane")


class Recorder(Sink):
    """Writes one file, which never looks complete unless it is.

    The file, and the folder it lies in, appear with the first frame: a source that cannot be
    opened costs nobody an older result. While it grows it has its final name, so that a kill
    leaves it where it is looked for. If the run breaks, `out.mp4` becomes `out.incomplete.mp4`.

    classes: names by class id, for those that write them
    """

    foreign: ClassVar[tuple[type[Exception], ...]] = (OSError,)  # what writing may raise

    def __init__(self, path: Path, classes: Sequence[str] = ()) -> None:
        self.path = path
        self.name = path.name
        self.incomplete_path = path.with_suffix(f".incomplete{path.suffix}")
        self._classes = classes
        self._growing = False  # there is a file of ours, and it is not complete

    def process(self, item: Tracked) -> Iterable[Ticket]:
        """Write the frame, and return the tickets of those that have been written by now."""
        with self._translated():
            if not self._growing:
                self._create()
                self._begin(item.frame)
            return self._write(item)

    def finish(self) -> Iterable[Ticket]:
        """Complete the file; without a single frame there is none."""
        if not self._growing:
            return ()
        with self._translated():
            written = self._complete()
        self._growing = False
        return written

    def close(self) -> None:
        """Where the run broke, keep what can be read, under a name that says so."""
        if self._growing:
            self._growing = False
            with suppress(*self.foreign, SinkError):  # what broke the run is reported already
                self._abandon()
            self._rename()

    def _rename(self) -> None:
        try:
            self.written = self.path.replace(self.incomplete_path)
        except OSError as error:  # raised, it would hide what broke the run
            log.warning("'%s' is incomplete, and keeps its name: %s", self.path, error.strerror)

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.open("wb").close()
        self._growing, self.written = True, self.path

    def _begin(self, frame: Frame) -> None:
        """Open the file, which exists and is empty, for the stream of this first frame."""
        raise NotImplementedError

    def _write(self, item: Tracked) -> list[Ticket]:
        """Write one item, and return what has been written by now."""
        raise NotImplementedError

    def _complete(self) -> list[Ticket]:
        """Write what is still held, close the file, and return what was held."""
        raise NotImplementedError

    def _abandon(self) -> None:
        """Close the file so that what is in it can be read; whatever failed may fail again."""
        raise NotImplementedError

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self.foreign as error:
            why = getattr(error, "strerror", None) or error
            raise SinkError(f"cannot write '{self.path}': {why}") from error
