"""Continuous recording: file after file; old ones are deleted, and a full disk pauses it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from time import monotonic, time
from typing import Any

from detector.errors import UsageError
from pipeline.frames.fate import Fate, NotWritten, Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.item import tickets_of
from pipeline.frames.result import Tracked
from pipeline.options import checked_options, option_names
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.sinks import Sink, SinkError, sink_for
from pipeline.sinks.output_lock import InUse, OutputLock
from pipeline.sinks.retention import DIRECTIVES, Retention, SegmentNames
from pipeline.sinks.standstill import STOPPED, Standstill


class Segments(Sink):
    """Records into files named after the moment of their first frame (UTC).

    A segment starts with a keyframe and at time 0. If it cannot be written, for example because
    the disk is full, it is closed as it is, and recording resumes in a new segment as soon as there
    is space. Everything else keeps running meanwhile.

    template: with directives of strftime, such as rec/cam/%Y-%m-%d/%H%M%S.mp4
    make: returns the sink that writes one file
    clock: seconds that never go back
    segment_seconds, segment_bytes: limits after which a new segment starts
    keep_seconds, keep_bytes: segments older than this are deleted, and the oldest ones while all
        segments together are larger than this
    """

    def __init__(
        self,
        template: Path,
        make: Callable[[Path], Sink],
        clock: Callable[[], float] = monotonic,
        *,
        segment_seconds: float = 600.0,
        segment_bytes: int | None = None,
        keep_seconds: float | None = None,
        keep_bytes: int | None = None,
    ) -> None:
        _refuse(template, segment_seconds, segment_bytes, keep_seconds, keep_bytes)
        self.name = template.name
        self.needs_drawing = make(template).needs_drawing
        self._template = template
        self._make = make
        self._segment_seconds = segment_seconds
        self._segment_bytes = segment_bytes
        self._names = SegmentNames(template)
        self._log = RateLimitedLog(str(template))
        self._retention = Retention(self._names, keep_seconds, keep_bytes, self._log)
        self._standstill = Standstill(template, self._log, clock)
        self._lock: OutputLock | None = None
        self._segment: Sink | None = None
        self._path: Path | None = None  # of the current segment
        self._first: Frame | None = None  # of the current segment
        self._pending: dict[Ticket, None] = {}  # handed to the segment and not yet written

    @classmethod
    def accepts(cls, url: str) -> bool:
        """Return whether `url` is a template of file names that another sink accepts."""
        return "://" not in url and "%" in url and _file_sink(url) is not None

    @classmethod
    def make(cls, url: str, classes: Sequence[str], options: Mapping[str, Any]) -> Sink:
        """Return a sink for `url`; options that are not its own go to the sink of each file."""
        sink = _file_sink(url)
        assert sink, "a template that this sink accepts"
        own = option_names(cls)
        apart = {name: value for name, value in options.items() if name in own}
        each = {name: value for name, value in options.items() if name not in own}
        return cls(
            Path(url),
            lambda path: sink.make(str(path), classes, each),
            **checked_options(cls, apart, f"output '{url}'"),
        )

    @property
    def interruptions(self) -> list[str]:
        """Why recording stopped, and how often."""
        return self._standstill.interruptions

    def open(self) -> None:
        """Lock the template: two runs would delete each other's segments."""
        try:
            self._lock = OutputLock(self._template)
        except InUse as error:
            raise SinkError(f"cannot write '{self._template}': {error}") from error

    def process(self, item: Tracked) -> Iterable[Ticket | NotWritten]:
        """Write the frame, in a new segment if one is due."""
        done: list[Ticket | NotWritten] = []
        try:
            self._write(item, done)
        except SinkError as error:
            done += self._stop(error)
            if item.frame.ticket not in {ticket for each in done for ticket in tickets_of(each)}:
                done.append(NotWritten(item.frame.ticket, str(error), Fate.FAILED))
        return done

    def finish(self) -> Iterable[Ticket | NotWritten]:
        """Complete the last segment."""
        done: list[Ticket | NotWritten] = []
        try:
            self._complete(done)
        except SinkError as error:
            done += self._stop(error)
        return done

    def close(self) -> None:
        """Close the current segment, incomplete."""
        with ExitStack() as steps:
            if self._lock:
                steps.callback(self._lock.release)
            if self._segment:
                self._segment.close()

    def _write(self, item: Tracked, done: list[Ticket | NotWritten]) -> None:
        if self._segment and self._is_due(item.frame):
            self._complete(done)
        self._check_disk()
        if self._standstill.stopped:
            done.append(NotWritten(item.frame.ticket, STOPPED, Fate.FAILED))
            return
        if self._segment is None:
            self._begin(item.frame)
        assert self._segment
        self._pending[item.frame.ticket] = None
        self._note(self._segment.process(self._rebased(item)), done)

    def _begin(self, frame: Frame) -> None:
        captured = time() - (monotonic() - frame.captured_at)
        self._path = self._names.at(datetime.fromtimestamp(captured, timezone.utc))
        self._segment, self._first = self._make(self._path), frame
        self._segment.open()
        self.written = self._template
        self._retention.apply(self._path)

    def _complete(self, done: list[Ticket | NotWritten]) -> None:
        if self._segment is None:
            return
        self._note(self._segment.finish(), done)
        self._segment.close()
        self._segment = self._path = None

    def _note(self, fates: Iterable[Ticket | NotWritten], done: list[Ticket | NotWritten]) -> None:
        for fate in fates:
            for ticket in tickets_of(fate):
                del self._pending[ticket]
            done.append(fate)

    def _stop(self, error: SinkError) -> list[NotWritten]:
        """Close the current segment, and account for its unwritten frames."""
        why = self._standstill.begin(error)
        if self._segment:
            self._segment.close()
        self._segment = self._path = None
        lost = [NotWritten(ticket, why, Fate.FAILED) for ticket in self._pending]
        self._pending.clear()
        return lost

    def _check_disk(self) -> None:
        """From time to time, delete old segments and see whether there is space again."""
        if self._standstill.is_time_to_check():
            self._retention.apply(self._path)
            if self._standstill.ends():
                self._log.log(logging.WARNING, "recording resumes", "resumed")

    def _is_due(self, frame: Frame) -> bool:
        assert self._first and self._path
        if frame.scene != self._first.scene and _size(frame) != _size(self._first):
            return True
        if frame.time - self._first.time >= self._segment_seconds:
            return True
        return self._segment_bytes is not None and _bytes(self._path) >= self._segment_bytes

    def _rebased(self, item: Tracked) -> Tracked:
        """Return the item with its time in the segment; text keeps the stream's times."""
        if not self.needs_drawing:
            return item
        frame, first = item.frame, self._first
        assert first
        stream = replace(frame.stream, audio_from=None)  # each segment would start the audio again
        return replace(item, frame=replace(frame, stream=stream, ticks=frame.ticks - first.ticks))


def _file_sink(template: str) -> type[Sink] | None:
    """Return the class of the sink that writes the files of a template, None if there is none."""
    ending = Path(template).suffix
    return None if "%" in ending else sink_for(f"segment{ending}")


def _size(frame: Frame) -> tuple[int, int]:
    return frame.picture.width, frame.picture.height


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _refuse(template: Path, *limits: float | None) -> None:
    if unknown := SegmentNames.unsupported_directive(template):
        raise UsageError(
            f"output '{template}': '{unknown}' given: the name of a segment may have {DIRECTIVES}"
        )
    names = ("segment_seconds", "segment_bytes", "keep_seconds", "keep_bytes")
    for name, limit in zip(names, limits, strict=True):
        if limit is not None and not limit > 0:
            raise UsageError(f"output '{template}': {name}: {limit} given: it must be above 0")
