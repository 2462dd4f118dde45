"""The recording of a stream by copying its packets."""

from __future__ import annotations

from detector.errors import UsageError
from pipeline.config import SourceConfig, options_of
from pipeline.event_services import EventServices
from pipeline.recording.config import RecordingConfig
from pipeline.recording.event_segments import SETTLE_SECONDS
from pipeline.recording.stream import StreamRecording, record_stream
from pipeline.redaction import shown_url
from pipeline.sources import Source


def wants_audio(recording: RecordingConfig | None, source: SourceConfig) -> bool:
    """Return whether the audio of the stream's own connection is recorded."""
    if recording is None or recording.mode == "annotated" or source.record_url:
        return False
    return recording.audio


def stream_recording(
    config: RecordingConfig | None,
    source: SourceConfig,
    name: str,
    made: Source,
    services: EventServices | None,
) -> StreamRecording | None:
    """Return the recording of a stream by copying, None if there is none."""
    if config is None or config.mode == "annotated":
        if source.record_url:
            raise UsageError(
                "record_url: given, but nothing is recorded by copying: add the section "
                "'recording' with mode copy, or leave it out"
            )
        return None
    if source.record_url and not made.live:
        raise UsageError(
            f"record_url: belongs to a camera, but {shown_url(source.url)} is a recording: "
            "leave it out"
        )
    if config.mode == "events" and not services:
        raise UsageError("recording.mode: events given, but there is no section 'events'")
    noted_after = services.config.filters(name).min_seconds if services else 0.0
    return record_stream(
        config,
        name,
        made,
        record_url=source.record_address,
        options=options_of(source),
        epoch=source.epoch,
        spans=services.spans(name) if services else None,
        settle_seconds=SETTLE_SECONDS + noted_after,
    )
