from __future__ import annotations

import json
from datetime import datetime, timezone
from functools import cache
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from pipeline.events.payload import (
    SCHEMAS,
    Gap,
    as_text,
    event_from_json,
    event_json,
    gap_from_json,
    gap_json,
)
from pipeline.events.record import ClipState, EventKind, EventRecord, Moment, new_uuid
from tests.support.stored_events import stored_event

TEXTS = st.none() | st.text(max_size=20)
MOMENTS = st.builds(
    Moment,
    pts=st.none() | st.integers(0, 2**62),
    seconds=st.floats(0, 1e9),
    wall=st.floats(0, 4e9),
)
EVENTS = st.builds(
    EventRecord,
    stream=st.text(min_size=1, max_size=20),
    kind=st.sampled_from(EventKind),
    start=MOMENTS,
    last=st.none() | MOMENTS,
    end=st.none() | MOMENTS,
    ended_by=TEXTS,
    uuid=st.uuids().map(str),
    sequence=st.integers(1, 2**62),
    class_name=TEXTS,
    track=st.none() | st.integers(0, 2**62),
    score=st.none() | st.floats(0, 1),
    box=st.none() | st.tuples(*[st.floats(-1e5, 1e5)] * 4),
    place=TEXTS,
    direction=TEXTS,
    cause=TEXTS,
    snapshot=TEXTS,
    clip=TEXTS,
    clip_state=st.sampled_from(ClipState),
    clip_reason=TEXTS,
)


@cache
def validator(name: str) -> Draft202012Validator:
    """Return what checks a form against a schema that ships with the package."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


@settings(deadline=None)
@given(EVENTS)
def test_an_event_survives_json_and_is_as_its_schema_says(event: EventRecord) -> None:
    form = json.loads(as_text(event_json(event)))
    validator("event").validate(form)
    assert event_from_json(form) == event


def test_the_schema_describes_every_key_and_no_other() -> None:
    schema = json.loads((SCHEMAS / "event.json").read_text(encoding="utf-8"))
    assert list(event_json(stored_event())) == list(schema["properties"]) == schema["required"]
    assert all(key.get("description") or "const" in key for key in schema["properties"].values())


def test_numbers_of_numpy_become_numbers_of_json() -> None:
    event = stored_event(
        track=np.int64(3), score=np.float32(0.5), box=tuple(np.arange(4, dtype=np.float32))
    )
    form = json.loads(as_text(event_json(event)))
    assert (form["track"], form["score"], form["box"]) == (3, 0.5, [0.0, 1.0, 2.0, 3.0])


def test_times_are_readable_and_in_utc() -> None:
    event = EventRecord("door", EventKind.CAMERA, Moment(None, 0.0, 1_790_000_000.25))
    said = datetime.fromisoformat(event_json(event)["start"]["time"].replace("Z", "+00:00"))
    assert said == datetime(2026, 9, 21, 14, 13, 20, 250_000, tzinfo=timezone.utc)


def test_nan_is_refused_because_no_reader_of_json_takes_it() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_text(event_json(stored_event(score=nan)))


def test_a_gap_survives_json_and_is_as_its_schema_says() -> None:
    gap = Gap(new_uuid(), "door", 12, 1_790_000_000.5, 1_790_000_100.0)
    form = json.loads(as_text(gap_json(gap)))
    validator("gap").validate(form)
    assert gap_from_json(form) == gap


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ([], "an event is a JSON object"),
        ({}, "schema None is unknown"),
        ({"schema": 2}, "schema 2 is unknown; this program reads 1 to 1"),
        ({"schema": 1, "stream": "door"}, "validation error"),
    ],
)
def test_other_json_is_refused_with_the_reason(form: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        event_from_json(form)
