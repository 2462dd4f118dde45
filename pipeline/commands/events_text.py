"""How events are shown on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from detector.terminal import printable
from pipeline.events.record import EventRecord, Moment

PREFIX = 8  # digits of a UUID: enough to name one of a million events


def local_time(wall: float, timespec: str = "seconds") -> str:
    """Return seconds since 1970 as `2026-11-28 18:30:00 +0100`."""
    moment = datetime.fromtimestamp(wall).astimezone()
    return f"{moment.replace(tzinfo=None).isoformat(' ', timespec)} {moment:%z}"


def lasted(event: EventRecord) -> str:
    """Return how long an event lasted."""
    if event.end is None:
        return "goes on"
    return duration(event.end.wall - event.start.wall)


def duration(seconds: float) -> str:
    """Return a length of time as `4.2 s`, `3:07` or `1:02:03`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: int) -> str:
    """Return bytes as `1.2 GB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return lines with aligned columns; right: the columns that are aligned to the right."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    ]


def event_table(events: Sequence[EventRecord]) -> list[str]:
    """Return one line for each event, below the names of the columns."""
    header = ("STARTED", "LASTED", "CAMERA", "KIND", "CLASS", "PLACE", "SCORE", "CLIP", "UUID")
    return table([header, *map(_row, events)], right=(1, 6))


def event_lines(event: EventRecord) -> list[str]:
    """Return all that is known of an event, one fact on each line."""
    box = event.box and " ".join(f"{side:g}" for side in event.box)
    clip = " ".join(filter(None, (event.clip_state.value, event.clip, event.clip_reason)))
    ended_by = f" (ended by {event.ended_by}, not observed)" if event.ended_by else ""
    last = event.last if event.end is None else None
    facts: dict[str, str | None] = {
        "uuid": event.uuid,
        "camera": event.stream,
        "sequence": str(event.sequence),
        "kind": event.kind.value,
        "class": event.class_name,
        "track": None if event.track is None else str(event.track),
        "score": None if event.score is None else f"{event.score:.3f}",
        "box": box and f"{box} (x0 y0 x1 y1 in pixels)",
        "place": event.place,
        "direction": event.direction,
        "cause": event.cause,
        "started": _moment(event.start, event.time_base),
        "ended": None if event.end is None else _moment(event.end, event.time_base) + ended_by,
        "last seen": None if last is None else _moment(last, event.time_base),
        "lasted": lasted(event),
        "snapshot": event.snapshot,
        "clip": clip,
    }
    return table([(name, value) for name, value in facts.items() if value is not None])


def _row(event: EventRecord) -> tuple[str, ...]:
    return (
        local_time(event.start.wall),
        lasted(event),
        event.stream,
        event.kind.value,
        event.class_name or "-",
        " ".join(filter(None, (event.place, event.direction))) or "-",
        "-" if event.score is None else f"{event.score:.2f}",
        "-" if event.clip_state.value == "none" else event.clip_state.value,
        event.uuid[:PREFIX],
    )


def _moment(moment: Moment, time_base: str) -> str:
    pts = "" if moment.pts is None else f", pts {moment.pts} of {time_base}"
    return f"{local_time(moment.wall, 'milliseconds')} ({moment.seconds:.3f} s{pts})"
