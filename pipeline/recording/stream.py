"""The recording of one stream: its workers, its figures, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from pipeline.checked_text import filled_in
from pipeline.frames.frame import Unnumbered
from pipeline.frames.item import Item
from pipeline.options import checked_options
from pipeline.packets.tap import PacketQueue, Tap
from pipeline.recording.config import RecordingConfig
from pipeline.recording.event_segments import SETTLE_SECONDS, EventSpans
from pipeline.recording.record_copy import RecordCopy
from pipeline.redaction import shown_url
from pipeline.runtime.runner import Worker
from pipeline.runtime.stage import Stage
from pipeline.sources import Source, plain_url
from pipeline.sources.inbox import SourceInbox
from pipeline.sources.live.source import LivePackets

QUEUE_BYTES = 64 << 20  # half a minute of 16 Mbit/s: a loss means that the disk has stopped


class ReadPackets(Stage[Item, Unnumbered]):
    """Opens and closes a source that yields no frames; reading it publishes its packets."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def open(self) -> None:
        """Connect."""
        self._source.open()

    def process(self, item: Item) -> Iterable[Unnumbered]:
        """Do nothing: such a source yields nothing."""
        return ()

    def close(self) -> None:
        """Close the connection."""
        self._source.close()


class Nowhere:
    """The outbox of a stage without results."""

    def send(self, item: Item) -> None:
        """Take nothing."""
        raise AssertionError(item)

    def close(self, failure: BaseException | None = None) -> None:
        """Do nothing."""


class StreamRecording:
    """What a run has to know about the recording of a stream.

    source: the second connection, which is only recorded; None: the stream's own is recorded
    """

    def __init__(
        self, stream: str, recorder: RecordCopy, tap: Tap, source: Source | None = None
    ) -> None:
        self.recorder = recorder
        self.source = source
        self._queue: PacketQueue = tap.subscribe("record", QUEUE_BYTES)
        self._stream = stream

    @property
    def workers(self) -> list[Worker]:
        """The recorder, and the reader of the second connection."""
        stream, nowhere = self._stream, Nowhere()
        record = Worker(f"{stream}/record", self.recorder, self._queue, nowhere, stream)
        if self.source is None:
            return [record]
        reader = ReadPackets(self.source)
        inbox = SourceInbox(self.source)
        return [Worker(f"{stream}/record_url", reader, inbox, nowhere, stream), record]

    def stop(self) -> None:
        """Ask the second connection for an early end; that of the stream ends with its source."""
        if self.source:
            self.source.stop()

    @property
    def faults(self) -> list[str]:
        """What went wrong without ending the recording: one line each."""
        return [*(self.source.faults if self.source else ()), *self.recorder.interruptions]

    def figures(self) -> dict[str, Any]:
        """Return all counts, ready for JSON."""
        left_out = self._queue.left_out + self.recorder.left_out
        status = self.source.status if self.source else None
        return {
            "files": str(self.recorder.template),
            "segments": self.recorder.segments,
            "deleted_without_event": self.recorder.deleted,
            "packets": self._queue.accepted + self._queue.left_out.total(),
            "recorded": self.recorder.written,
            "left_out": [{"reason": why, "packets": count} for why, count in left_out.items()],
            "repaired_times": self.recorder.repaired,
            **({"connection": status.snapshot()} if status else {}),
        }


def record_stream(
    config: RecordingConfig,
    stream: str,
    source: Source,
    *,
    record_url: str | None = None,
    options: Mapping[str, Any] | None = None,
    epoch: int = 0,
    spans: EventSpans | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> StreamRecording | None:
    """Return the recording of a stream by copying; None if its source has no packets to copy.

    source: the stream's; record_url: of a second stream of the same camera, with `options` of its
    source; it is recorded in place of the first
    epoch: what {epoch} in the template stands for
    spans, settle_seconds: the stream's events, and after how long they are known; for mode events
    """
    second = None
    if record_url is not None:
        second = second_connection(record_url, stream, {"audio": config.audio, **(options or {})})
        if source.status:
            source.status.when_ended(second.stop)  # if the first fails, the second goes on
    tap = (second or source).tap
    if tap is None:
        return None
    recorder = RecordCopy(
        Path(filled_in(config.url, stream, epoch)),
        segment_seconds=config.seconds,
        segment_bytes=config.segment_bytes,
        keep_seconds=config.keep_seconds,
        keep_bytes=config.keep_bytes,
        spans=spans if config.mode == "events" else None,
        pre_seconds=config.pre_seconds,
        post_seconds=config.post_seconds,
        settle_seconds=settle_seconds,
    )
    return StreamRecording(stream, recorder, tap, second)


def second_connection(url: str, stream: str, options: Mapping[str, Any]) -> LivePackets:
    """Return a source that publishes the packets at `url`, and decodes nothing.

    Raises UsageError for a URL that is no live stream, or an option that these do not have.
    """
    where = f"record_url '{shown_url(url)}'"
    url = plain_url(url)
    if not LivePackets.accepts(url):
        raise UsageError(f"{where}: no live stream: give {LivePackets.accepted}")
    return LivePackets(
        url, f"{stream} (record_url)", **checked_options(LivePackets, options, where)
    )
