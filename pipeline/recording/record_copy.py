"""The stage that records a stream by copying its packets, file after file."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from time import monotonic, time

from detector.errors import FramelaneError
from pipeline.frames.frame import Unnumbered
from pipeline.packets.packet import EncodedPacket, PacketFormat
from pipeline.packets.tap import NO_KEYFRAME, ConnectionEnded, Tapped
from pipeline.packets.writer import WriteError
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.recording.event_segments import (
    SETTLE_SECONDS,
    EventSegments,
    EventSpans,
)
from pipeline.recording.segment import Segment
from pipeline.runtime.stage import Stage
from pipeline.sinks.output_lock import InUse, OutputLock
from pipeline.sinks.retention import Retention, SegmentNames
from pipeline.sinks.standstill import STOPPED, Standstill


class RecordingError(FramelaneError):
    """A stream cannot be recorded: one line that says why."""


class RecordCopy(Stage[Tapped, Unnumbered]):
    """Copies packets into files named after the moment of their first packet (UTC).

    A file begins with a keyframe, at time 0, and can be played without the others. A new one starts
    with each connection and each change of the format. If a file cannot be written, for example
    because the disk is full, it is closed as it is, and recording resumes in a new file as soon as
    there is space.

    template: with directives of strftime, such as rec/cam/%Y-%m-%d/%H%M%S.mp4
    segment_seconds, segment_bytes: limits after which a new file starts, at a keyframe
    keep_seconds, keep_bytes: files older than this are deleted, and the oldest ones while all files
        together are larger than this
    spans: files that no event overlaps are deleted; None: all are kept
    pre_seconds, post_seconds: kept before and after an event
    settle_seconds: after which every event is known
    clock: seconds that never go back

    left_out: packets that are in no file, by reason
    """

    def __init__(
        self,
        template: Path,
        *,
        segment_seconds: float,
        segment_bytes: int | None = None,
        keep_seconds: float | None = None,
        keep_bytes: int | None = None,
        spans: EventSpans | None = None,
        pre_seconds: float = 0.0,
        post_seconds: float = 0.0,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.template = template
        self.segments = 0  # complete ones
        self.repaired = 0  # packets whose time was changed
        self.left_out: Counter[str] = Counter()
        self._written = 0  # packets, of closed segments
        self._segment_seconds = segment_seconds
        self._segment_bytes = segment_bytes
        self._names = SegmentNames(template)
        self._log = RateLimitedLog(str(template))
        self._retention = Retention(self._names, keep_seconds, keep_bytes, self._log)
        self._standstill = Standstill(template, self._log, clock)
        self._events = spans and EventSegments(
            spans, pre_seconds, post_seconds, self._delete, settle_seconds=settle_seconds
        )
        self._lock: OutputLock | None = None
        self._format: PacketFormat | None = None
        self._heard: set[int] = set()  # tracks of this format that have sent packets
        self._refused: set[str] = set()  # codecs that the container cannot hold
        self._segment: Segment | None = None
        self._resuming = False  # after a stop, until a packet is written

    @property
    def written(self) -> int:
        """Packets that are in files, or in the open one as soon as its group is complete."""
        segment = self._segment
        return self._written + (segment.writer.written if segment else 0)

    @property
    def deleted(self) -> int:
        """Files that were deleted because they overlap no event."""
        return self._events.deleted if self._events else 0

    @property
    def interruptions(self) -> list[str]:
        """Why recording stopped, and how often."""
        return self._standstill.interruptions

    def open(self) -> None:
        """Lock the template: two runs would delete each other's files. Raises RecordingError."""
        try:
            self._lock = OutputLock(self.template)
        except InUse as error:
            message = f"cannot record to '{self.template}': {error}"
            self._log.log(logging.ERROR, message, "lock")  # the run goes on for months without it
            raise RecordingError(message) from error

    def process(self, item: Tapped) -> Iterable[Unnumbered]:
        """Write a packet, in a new file if one is due."""
        try:
            if isinstance(item, EncodedPacket):
                self._take(item)
            else:
                self._complete()
                self._format = item if isinstance(item, PacketFormat) else None
                self._heard = set()
        except WriteError as error:
            self._stop(error)
        return ()

    def finish(self) -> Iterable[Unnumbered]:
        """Complete the last file."""
        return self.process(ConnectionEnded())

    def close(self) -> None:
        """After a failure, close the current file as it is."""
        with ExitStack() as steps:
            if self._lock:
                steps.callback(self._lock.release)
            self._abandon("the recorder failed")

    def _take(self, packet: EncodedPacket) -> None:
        self._heard.add(packet.track)
        if packet.keyframe and packet.track == 0:
            try:
                self._begin_if_due(packet)
            except (OSError, WriteError) as error:
                self._stop(error)
        if self._segment:
            self._segment.write(packet, _wall(packet))
            self._say_that_it_resumes()
            self._say_what_is_refused(self._segment)
        else:
            self.left_out[STOPPED if self._standstill.stopped else NO_KEYFRAME] += 1

    def _say_that_it_resumes(self) -> None:
        if self._resuming:
            self._resuming = False
            self._log.log(logging.WARNING, "recording resumes", "resumed")

    def _say_what_is_refused(self, segment: Segment) -> None:
        for codec in segment.writer.refused.values():
            if codec not in self._refused:
                self._refused.add(codec)
                ending = segment.path.suffix
                other = ".mkv" if ending == ".mov" else ".mov"
                why = f"{ending} cannot hold {codec}: recorded without audio; give {other}"
                self._log.log(logging.WARNING, why, codec)

    def _begin_if_due(self, keyframe: EncodedPacket) -> None:
        if self._segment and self._is_due(self._segment, keyframe):
            self._complete()
        self._check_disk()
        if self._segment is None and not self._standstill.stopped:
            self._begin(keyframe)

    def _begin(self, packet: EncodedPacket) -> None:
        assert self._format, "a format comes before its packets"
        began_at = _wall(packet)
        path = self._names.at(datetime.fromtimestamp(began_at, timezone.utc))
        self._segment = Segment(path, self._format, began_at)
        self._retention.apply(path)

    def _complete(self) -> None:
        segment = self._segment
        if segment is None:
            return
        segment.complete()
        self._account(segment)
        self.segments += 1
        if self._events:
            self._events.completed(segment.path, segment.began_at, segment.ended_at)

    def _account(self, segment: Segment) -> None:
        """Count the packets of a segment that is closed."""
        self._segment = None
        self._written += segment.safe
        self.left_out += segment.writer.left_out
        self.repaired += segment.writer.repaired

    def _stop(self, error: OSError | WriteError) -> None:
        """Close the current file as it is, and wait for space."""
        self._standstill.begin(error)
        self._resuming = False
        self._abandon(STOPPED)

    def _abandon(self, reason: str) -> None:
        segment = self._segment
        if segment is None:
            return
        safe = segment.safe
        segment.abandon()
        self._account(segment)
        self.left_out[reason] += segment.received - safe - segment.writer.left_out.total()

    def _check_disk(self) -> None:
        """From time to time, delete what need not be kept, and see whether there is space again."""
        if not self._standstill.is_time_to_check():
            return
        if self._standstill.stopped:
            self._retention.apply(None)
        if self._events:
            self._decide(self._events)
        if self._standstill.ends():
            self._resuming = True

    def _decide(self, events: EventSegments) -> None:
        try:
            events.decide(time())
        except OSError as error:
            self._log.log(logging.WARNING, f"a file without events cannot be deleted: {error}", "")

    def _delete(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._names.remove_empty_folders(path)

    def _is_due(self, segment: Segment, packet: EncodedPacket) -> bool:
        if segment.seconds(packet) >= self._segment_seconds:
            return True
        if self._segment_bytes is not None and segment.size >= self._segment_bytes:
            return True
        tracks, refused = segment.writer.tracks, segment.writer.refused
        return bool(tracks) and not self._heard <= {*tracks, *refused}  # audio has begun


def _wall(packet: EncodedPacket) -> float:
    """Return the capture of a packet in seconds since 1970."""
    return time() - (monotonic() - packet.captured_at)
