"""The section `events`: defaults, filters of single streams, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from detector.errors import UsageError
from detector.settings import explain
from pipeline.events.config import EventsConfig
from pipeline.events.record import EventKind

CLASSES = ("person", "bicycle", "car")
ZONES = ("yard", "street")


def config(**keys: Any) -> EventsConfig:
    return EventsConfig.model_validate(keys)


def refusal(**keys: Any) -> str:
    """Return the complaint about this section."""
    with pytest.raises(ValidationError) as error:
        config(**keys)
    return explain(error.value, EventsConfig, lambda parts: ".".join(["events", *parts]))


def test_by_default_every_object_of_at_least_a_second_is_noted_for_thirty_days() -> None:
    default = config()
    assert (default.min_seconds, default.classes, default.zones) == (1.0, None, None)
    assert set(default.kinds) == set(EventKind)
    assert (default.folder, default.keep_seconds) == (Path("runs/events"), 30 * 86400)
    assert default.clips
    assert (default.clips.pre_seconds, default.clips.post_seconds) == (5.0, 5.0)
    assert config(clips=None).clips is None


def test_a_stream_has_its_own_filters_where_it_gives_some() -> None:
    given = config(
        min_score=0.4,
        classes=["person"],
        quiet_hours=["22:00-06:00"],
        streams={"door": {"min_score": 0.6, "classes": None}, "yard": {"quiet_hours": []}},
    )
    door, yard, other = (given.filters(name) for name in ("door", "yard", "other"))
    assert (door.min_score, door.classes, [str(q) for q in door.quiet_hours]) == (
        0.6,
        None,
        ["22:00-06:00"],
    )
    assert (yard.min_score, yard.classes, yard.quiet_hours) == (0.4, ("person",), ())
    assert (other.min_score, other.classes) == (0.4, ("person",))


def test_the_section_can_be_written_as_it_was_given() -> None:
    given = config(quiet_hours=["22:00-06:00"], kinds=["object"])
    shown = given.model_dump(mode="json", exclude_unset=True)
    assert shown == {"quiet_hours": ["22:00-06:00"], "kinds": ["object"]}
    assert config(**shown) == given


@pytest.mark.parametrize(
    ("keys", "parts"),
    [
        ({"min_secnds": 2}, ["events.min_secnds: unknown key", "min_seconds"]),
        ({"min_score": 2}, ["events.min_score: 2 given", "less than or equal to 1"]),
        ({"kinds": ["zones"]}, ["events.kinds.0: 'zones' given", "'zone'"]),
        ({"quiet_hours": ["22-6"]}, ["'22-6' given", "22:00-06:00"]),
        ({"quiet_hours": [79200]}, ["79200 given", "put it in quotes"]),
        ({"streams": {"door": {"folder": "x"}}}, ["streams.door.folder: unknown key"]),
        ({"streams": {"../x": {}}}, ["a name consists of"]),
        ({"clips": {"pre_seconds": -1}}, ["clips.pre_seconds: -1 given"]),
        ({"forget_seconds": 0}, ["forget_seconds: 0 given", "greater than 0"]),
    ],
)
def test_a_mistake_is_named_with_what_is_accepted(keys: dict[str, Any], parts: list[str]) -> None:
    complaint = refusal(**keys)
    for part in parts:
        assert part in complaint


@pytest.mark.parametrize(
    ("keys", "parts"),
    [
        ({"classes": ["persn"]}, ["events.classes: no class 'persn'", "did you mean 'person'"]),
        ({"zones": ["yrd"]}, ["events.zones: no zone 'yrd'", "did you mean 'yard'"]),
        (
            {"streams": {"door": {"classes": ["cat"]}}},
            ["events.streams.door.classes: no class 'cat'", "accepted: bicycle, car, person"],
        ),
        ({"streams": {"dor": {}}}, ["no stream 'dor' in this run", "did you mean 'door'"]),
    ],
)
def test_names_that_the_run_does_not_have_are_refused(
    keys: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(UsageError) as error:
        config(**keys).check(CLASSES, ZONES, streams=["door", "yard"])
    for part in parts:
        assert part in str(error.value)


def test_streams_may_be_named_before_they_are_added() -> None:
    config(streams={"later": {}}, zones=["yard"], classes=["car"]).check(CLASSES, ZONES)
