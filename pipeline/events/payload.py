"""The one JSON form of events: in sidecars, exports and messages.

`schemas/event.json` and `schemas/gap.json` describe it. The form may gain keys; a change that
breaks readers raises SCHEMA_VERSION.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.events.record import SCHEMA_VERSION, EventRecord, Moment

SCHEMAS = Path(__file__).with_name("schemas")

_RECORD = TypeAdapter(EventRecord)


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes of one stream that a receiver will not get.

    uuid: stays the same while the gap grows before it is delivered; the last one counts
    dropped: changes
    since, until: when the first and the last of them were stored, in seconds since 1970
    """

    uuid: str
    stream: str
    dropped: int
    since: float
    until: float


def event_json(record: EventRecord) -> dict[str, Any]:
    """Return an event as plain values, in the order in which a reader wants them."""
    return {
        "schema": SCHEMA_VERSION,
        "uuid": record.uuid,
        "stream": record.stream,
        "sequence": record.sequence,
        "kind": record.kind.value,
        "class": record.class_name,
        "track": _number(record.track, int),
        "score": _number(record.score, float),
        "box": None if record.box is None else [float(side) for side in record.box],
        "place": record.place,
        "direction": record.direction,
        "cause": record.cause,
        "time_base": record.time_base,
        "start": _moment(record.start),
        "last": _moment(record.last),
        "end": _moment(record.end),
        "ended_by": record.ended_by,
        "snapshot": record.snapshot,
        "clip": record.clip,
        "clip_state": record.clip_state.value,
        "clip_reason": record.clip_reason,
    }


def event_from_json(form: Any) -> EventRecord:
    """Return the event that `event_json` has written.

    Raises ValueError for anything else, also for a form that is newer than SCHEMA_VERSION.
    """
    if not isinstance(form, dict):
        raise ValueError("an event is a JSON object")
    check_version(form)
    fields = {key: value for key, value in form.items() if key not in {"schema", "class"}}
    return _RECORD.validate_python(fields | {"class_name": form.get("class")})


def check_version(form: dict[str, Any]) -> None:
    """Raise ValueError unless this program can read the form."""
    version = form.get("schema")
    if not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
        raise ValueError(f"schema {version!r} is unknown; this program reads 1 to {SCHEMA_VERSION}")


def gap_json(gap: Gap) -> dict[str, Any]:
    """Return a gap as plain values."""
    return {
        "schema": SCHEMA_VERSION,
        "uuid": gap.uuid,
        "stream": gap.stream,
        "kind": "gap",
        "dropped": gap.dropped,
        "since": gap.since,
        "since_time": utc(gap.since),
        "until": gap.until,
        "until_time": utc(gap.until),
    }


def gap_from_json(form: dict[str, Any]) -> Gap:
    """Return the gap that `gap_json` has written."""
    keys = ("uuid", "stream", "dropped", "since", "until")
    return Gap(**{key: form[key] for key in keys})


def as_text(form: dict[str, Any]) -> str:
    """Return plain values as one line of JSON; raises ValueError for NaN and infinity."""
    return json.dumps(form, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def utc(wall: float) -> str:
    """Return seconds since 1970 as `2026-11-28T18:30:00.250Z`."""
    moment = datetime.fromtimestamp(wall, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(moment: Moment | None) -> dict[str, Any] | None:
    if moment is None:
        return None
    return {
        "pts": _number(moment.pts, int),
        "seconds": float(moment.seconds),
        "wall": float(moment.wall),
        "time": utc(moment.wall),
    }


def _number(value: Any, kind: type[int] | type[float]) -> Any:
    """Return a number of numpy as one that JSON and SQLite take."""
    return None if value is None else kind(value)
