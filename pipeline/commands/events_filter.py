"""From the options of a command to a filter of events."""

from __future__ import annotations

from pipeline.events.record import EventKind
from pipeline.store.queries import EventFilter


def event_filter(
    since: float | None,
    until: float | None,
    camera: str | None,
    class_name: str | None,
    zone: str | None,
    kind: str | None,
) -> EventFilter:
    """Return the filter that the values of `filter_options` describe."""
    return EventFilter(
        since=since,
        until=until,
        stream=camera,
        class_name=class_name,
        place=zone,
        kind=EventKind(kind) if kind else None,
    )
