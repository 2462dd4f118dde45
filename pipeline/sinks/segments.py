"""Recording without end: one file after the other, the oldest deleted, a full disk waited out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from shutil import disk_usage
from time import monotonic, time

from detector.errors import UsageError
from pipeline.frame import Fate, Frame, NotWritten, Ticket, Tracked, tickets_of
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.sinks import Sink, SinkError
from pipeline.sinks.retention import DIRECTIVES, Names, Retention

LOOK_SECONDS = 5.0  # between two looks at the disk: for room, for what is too old
ROOM = 0.05  # of the disk has to be free before recording goes on,
MOST_ROOM = 1 << 30  # bytes, and on a large one no more than this
STOPPED = "recording has stopped"


class Segments(Sink):
    """Records into files named after the moment at which they begin (UTC).

    A segment begins with a key picture, and its times with 0. When one cannot be written, the disk
    being full for instance, that segment is closed as it is, and recording goes on, in a new one,
    as soon as there is room; meanwhile everything else runs on.

    template: with directives of strftime, as rec/cam/%Y-%m-%d/%H%M%S.mp4
    make: returns the sink that writes one file
    segment_seconds, segment_bytes: when a segment is long enough
    keep_seconds, keep_bytes: older segments are deleted, and the oldest where all have more
    """

    def __init__(
        self,
        template: Path,
        make: Callable[[Path], Sink],
        *,
        segment_seconds: float = 600.0,
        segment_bytes: int | None = None,
        keep_seconds: float | None = None,
        keep_bytes: int | None = None,
    ) -> None:
        _refuse(template, segment_seconds, segment_bytes, keep_seconds, keep_bytes)
        self.name = template.name
        self.wants_picture = make(template).wants_picture
        self._template = template
        self._make = make
        self._segment_seconds = segment_seconds
        self._segment_bytes = segment_bytes
        self._names = Names(template)
        self._quiet = RateLimitedLog(str(template))
        self._retention = Retention(self._names, keep_seconds, keep_bytes, self._quiet)
        self._segment: Sink | None = None
        self._path: Path | None = None  # of the segment that is being written
        self._first: Frame | None = None  # of the segment
        self._given: dict[Ticket, None] = {}  # to the segment, and not yet written
        self._look_at = float("-inf")
        self._failures: dict[str, int] = {}  # what stopped recording, and how often
        self._stopped = False

    @property
    def interruptions(self) -> list[str]:
        """What stopped recording, and how often."""
        return [
            f"{why}: recording stopped" + (f" {count} times" if count > 1 else "")
            for why, count in self._failures.items()
        ]

    def process(self, item: Tracked) -> Iterable[Ticket | NotWritten]:
        """Write the frame, in a new segment where it is time for one."""
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
        """Close what is open, incomplete."""
        if self._segment:
            self._segment.close()

    def _write(self, item: Tracked, done: list[Ticket | NotWritten]) -> None:
        if self._segment and self._is_due(item.frame):
            self._complete(done)
        self._look()
        if self._stopped:
            done.append(NotWritten(item.frame.ticket, STOPPED, Fate.FAILED))
            return
        if self._segment is None:
            self._begin(item.frame)
        assert self._segment
        self._given[item.frame.ticket] = None
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
                del self._given[ticket]
            done.append(fate)

    def _stop(self, error: SinkError) -> list[NotWritten]:
        """Close what could not be written, and account for what was in it."""
        why = str((error.__cause__ and getattr(error.__cause__, "strerror", None)) or error)
        reason = f"{self._template}: {why}"
        self._failures[reason] = self._failures.get(reason, 0) + 1
        self._quiet.log(logging.ERROR, f"recording has stopped: {error}", why)
        if self._segment:
            self._segment.close()
        self._segment = self._path = None
        self._stopped = True
        self._look_at = monotonic() + LOOK_SECONDS
        lost = [NotWritten(ticket, why, Fate.FAILED) for ticket in self._given]
        self._given.clear()
        return lost

    def _look(self) -> None:
        """Now and then, delete what is too much, and see whether there is room again."""
        if monotonic() < self._look_at:
            return
        self._look_at = monotonic() + LOOK_SECONDS
        self._retention.apply(self._path)
        if self._stopped and has_room(self._template):
            self._stopped = False
            self._quiet.log(logging.WARNING, "recording goes on", "on")

    def _is_due(self, frame: Frame) -> bool:
        assert self._first and self._path
        if frame.scene != self._first.scene and _size(frame) != _size(self._first):
            return True
        if frame.time - self._first.time >= self._segment_seconds:
            return True
        return self._segment_bytes is not None and _bytes(self._path) >= self._segment_bytes

    def _rebased(self, item: Tracked) -> Tracked:
        """Return the item at its time since the segment began; text keeps the stream's times."""
        if not self.wants_picture:
            return item
        frame, first = item.frame, self._first
        assert first
        stream = replace(frame.stream, audio_from=None)  # it would begin anew in each segment
        return replace(item, frame=replace(frame, stream=stream, ticks=frame.ticks - first.ticks))


def has_room(path: Path) -> bool:
    """Return whether the disk that `path` will be on has room for more than a moment."""
    folder = path.parent
    while "%" in str(folder) or not folder.is_dir():
        folder = folder.parent
    disk = disk_usage(folder)
    return disk.free >= min(MOST_ROOM, ROOM * disk.total)


def _size(frame: Frame) -> tuple[int, int]:
    return frame.picture.width, frame.picture.height


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _refuse(template: Path, *limits: float | None) -> None:
    if unknown := Names.unknown(template):
        raise UsageError(
            f"output '{template}': '{unknown}' given: in the name of a segment there may be "
            f"{DIRECTIVES}"
        )
    names = ("segment_seconds", "segment_bytes", "keep_seconds", "keep_bytes")
    for name, limit in zip(names, limits, strict=True):
        if limit is not None and not limit > 0:
            raise UsageError(f"output '{template}': {name}: {limit} given: above 0")
