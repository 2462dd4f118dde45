"""Events for tests of the store and of what reads it."""

from __future__ import annotations

from typing import Any

from pipeline.events.record import EventKind, EventRecord, Moment, new_uuid

START = 1_790_000_000.0  # seconds since 1970


def moment(seconds: float) -> Moment:
    """Return a moment of a stream that began at START."""
    return Moment(round(seconds * 90000), seconds, START + seconds)


def stored_event(
    stream: str = "door", at: float = 0.0, lasts: float | None = 2.0, **other: Any
) -> EventRecord:
    """Return a person's event; at, lasts: seconds; lasts None: it goes on."""
    values: dict[str, Any] = {
        "uuid": new_uuid(),
        "class_name": "person",
        "track": 7,
        "score": 0.75,
        "box": (1.5, 2.0, 30.25, 40.0),
    }
    return EventRecord(
        stream=stream,
        kind=other.pop("kind", EventKind.OBJECT),
        start=moment(at),
        end=None if lasts is None else moment(at + lasts),
        **(values | other),
    )
