"""Events for tests of the store and of what reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.events.record import EventKind, EventRecord, Moment, new_uuid
from pipeline.events.sidecar import ClipFacts, Sidecar, write_sidecar

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


def write_clip(folder: Path, name: str, *events: EventRecord) -> Path:
    """Write a file in place of a clip, and its sidecar, as the clip maker does."""
    clip = folder / "clips" / f"{name}.mp4"
    clip.parent.mkdir(parents=True, exist_ok=True)
    clip.write_bytes(b"mp4")
    facts = ClipFacts(
        events[0].stream,
        f"clips/{name}.mp4",
        *(moment(0.0), moment(1.0), moment(0.0), moment(1.0)),
        time_base="1/90000",
        bytes=3,
    )
    write_sidecar(clip.with_suffix(".json"), Sidecar(facts, events))
    return clip
