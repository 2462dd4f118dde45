"""An event as a row of the table `events`, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.events.record import ClipState, EventKind, EventRecord, Moment

# In the order of `event_row`
COLUMNS = (
    *("uuid", "stream", "sequence", "kind", "class", "track", "score", "x0", "y0", "x1", "y1"),
    *("place", "direction", "cause", "time_base", "start_pts", "start_seconds", "start_wall"),
    *("last_pts", "last_seconds", "last_wall", "end_pts", "end_seconds", "end_wall", "ended_by"),
    *("snapshot", "clip", "clip_state", "clip_reason"),
)
NAMES = ", ".join(COLUMNS)
INSERT = f"INSERT INTO events ({NAMES}, noted_wall) VALUES ({', '.join('?' * len(COLUMNS))}, ?)"
UPDATE = f"UPDATE events SET {', '.join(f'{name} = ?' for name in COLUMNS)} WHERE uuid = ?"


def event_row(event: EventRecord) -> tuple[Any, ...]:
    """Return the values of COLUMNS; numbers of numpy become Python's, which SQLite takes."""
    box = (None,) * 4 if event.box is None else tuple(float(side) for side in event.box)
    return (
        event.uuid,
        event.stream,
        event.sequence,
        event.kind.value,
        event.class_name,
        None if event.track is None else int(event.track),
        None if event.score is None else float(event.score),
        *box,
        event.place,
        event.direction,
        event.cause,
        event.time_base,
        *_moment_row(event.start),
        *_moment_row(event.last),
        *_moment_row(event.end),
        event.ended_by,
        event.snapshot,
        event.clip,
        event.clip_state.value,
        event.clip_reason,
    )


def event_of(row: Sequence[Any]) -> EventRecord:
    """Return the event whose COLUMNS were read."""
    value = dict(zip(COLUMNS, row, strict=True))
    start = _moment(value, "start")
    assert start
    box = (value["x0"], value["y0"], value["x1"], value["y1"])
    return EventRecord(
        stream=value["stream"],
        kind=EventKind(value["kind"]),
        start=start,
        time_base=value["time_base"],
        last=_moment(value, "last"),
        end=_moment(value, "end"),
        ended_by=value["ended_by"],
        uuid=value["uuid"],
        sequence=value["sequence"],
        class_name=value["class"],
        track=value["track"],
        score=value["score"],
        box=None if None in box else box,
        place=value["place"],
        direction=value["direction"],
        cause=value["cause"],
        snapshot=value["snapshot"],
        clip=value["clip"],
        clip_state=ClipState(value["clip_state"]),
        clip_reason=value["clip_reason"],
    )


def _moment_row(moment: Moment | None) -> tuple[int | None, float | None, float | None]:
    if moment is None:
        return None, None, None
    pts = None if moment.pts is None else int(moment.pts)
    return pts, float(moment.seconds), float(moment.wall)


def _moment(value: dict[str, Any], name: str) -> Moment | None:
    if value[f"{name}_wall"] is None:
        return None
    return Moment(value[f"{name}_pts"], value[f"{name}_seconds"], value[f"{name}_wall"])
