"""The events of a run: what stores and delivers them, and the sink that notes those of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detector.errors import UsageError
from pipeline.analytics.config import AnalyticsConfig
from pipeline.clips.file_footage import FileFootage
from pipeline.clips.footage import LATE_SECONDS, Footage, live_footage
from pipeline.config import RunConfig, SourceConfig
from pipeline.delivery.transport import Camera
from pipeline.event_services import EventServices
from pipeline.events.record import EventKind
from pipeline.events.sink import EventSink
from pipeline.graph import Output
from pipeline.media.start_time import started_at
from pipeline.sources import Source
from pipeline.sources.file import VideoFileSource


def event_services(config: RunConfig) -> EventServices | None:
    """Return what stores and delivers events, None if the run notes none."""
    if config.events is None:
        if config.deliver:
            raise UsageError("deliver: given, but no events are noted: add the section 'events'")
        return None
    events = config.events
    if config.tracker.name == "none" and set(events.kinds) != {EventKind.CAMERA}:
        raise UsageError(
            "events: tracker 'none' given: an event is about a track: choose a tracker, or give "
            "kinds: [camera]"
        )
    return EventServices(events, config.deliver)


def events_output(
    config: SourceConfig,
    name: str,
    analytics: AnalyticsConfig,
    source: Source,
    classes: Sequence[str],
    services: EventServices,
) -> Output:
    """Return the sink that notes the events of a stream."""
    wanted = services.config.filters(name).classes or classes
    mine = [
        [shape.name for shape in shapes if shape.streams is None or name in shape.streams]
        for shapes in (analytics.zones, analytics.lines)
    ]
    camera = Camera(name, tuple(wanted), tuple(mine[0]), tuple(mine[1]))
    services.camera_added(camera, _footage(config, name, source, services), classes)
    sink = EventSink(
        name,
        classes,
        services.config,
        services,
        observer=services,
        status=source.status,
        started_at=lambda: None if "://" in config.url else started_at(Path(config.url)),
    )
    return Output(sink.name, sink)


def _footage(
    config: SourceConfig, name: str, source: Source, services: EventServices
) -> Footage | None:
    """Return what clips of a stream are cut from, None if it has no packets of video."""
    clips = services.config.clips
    if clips is None:
        return None
    if source.live or source.tap:  # a recording that is watched may be a loop
        late_seconds = LATE_SECONDS + services.config.filters(name).min_seconds
        return live_footage(source.tap, clips.pre_seconds, late_seconds) if source.tap else None
    return FileFootage(config.address) if isinstance(source, VideoFileSource) else None
