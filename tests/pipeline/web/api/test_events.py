"""Events through the API: pages, filters, and the files of an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pipeline.events.payload import SCHEMAS
from pipeline.events.record import ClipState, EventKind, EventRecord, Moment, Phase, new_uuid
from tests.support.runs import minimal_config, quick_clip
from tests.support.web import Visitor, visited

EVENTS = "/api/v1/events"
START = 1_790_000_000.0
COUNT = 25


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    folder = tmp_path_factory.mktemp("out")
    endless = quick_clip(10**9, name="steady", realtime=True)
    config = minimal_config(
        folder,
        endless,
        serve={"address": "127.0.0.1:0"},
        events={"folder": str(folder / "events"), "clips": None, "keep_seconds": None},
    )
    with visited(config) as found:
        assert found.run.events
        for number in range(COUNT):
            found.run.events.put(event(number), Phase.END)
        (folder / "events/clips").mkdir()
        (folder / "events/clips/a.mp4").write_bytes(b"0123456789")
        (folder / "secret.txt").write_text("not for visitors")
        until_stored(found)
        yield found


def event(number: int) -> EventRecord:
    at = Moment(number, float(number), START + number)
    kind = EventKind.OBJECT if number % 2 else EventKind.LINE
    plain = EventRecord(
        "door" if number % 3 else "yard", kind, at, end=at, uuid=new_uuid(), score=number / COUNT
    )
    states = {
        20: (ClipState.READY, "clips/a.mp4"),
        21: (ClipState.PENDING, "clips/b.mp4"),
        22: (ClipState.FAILED, None),
        23: (ClipState.READY, "../secret.txt"),
    }
    state, clip = states.get(number, (ClipState.NONE, None))
    return replace(
        plain, clip_state=state, clip=clip, clip_reason="disk full" if not clip else None
    )


def until_stored(visitor: Visitor) -> None:
    from tests.support.cameras import until

    until(lambda: len(seen(visitor, f"?limit={COUNT}")) == COUNT)


def seen(visitor: Visitor, query: str) -> list[int]:
    """Return the numbers of the events on a page."""
    answer = visitor.ask("GET", EVENTS + query)
    assert answer.status == 200
    return [round(each["start"]["wall"] - START) for each in answer.content["events"]]


def test_events_are_as_their_schema_says(visitor: Visitor) -> None:
    schema = json.loads((SCHEMAS / "event.json").read_text(encoding="utf-8"))
    for each in visitor.ask("GET", EVENTS).content["events"]:
        jsonschema.validate(each, schema)
        assert visitor.ask("GET", f"{EVENTS}/{each['uuid']}").content == each


def test_pages_show_every_event_once_the_newest_first(visitor: Visitor) -> None:
    numbers: list[int] = []
    query = "?limit=10"
    while query:
        numbers += seen(visitor, query)
        following = visitor.ask("GET", EVENTS + query).content["next"]
        query = f"?limit=10&before={following}" if following else ""
    assert numbers == list(reversed(range(COUNT)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?camera=yard", [n for n in range(COUNT) if n % 3 == 0]),
        ("?kind=object", [n for n in range(COUNT) if n % 2]),
        (f"?since={START + 20}&until={START + 22}", [20, 21]),
        ("?since=2026-09-21T14:13:40Z&until=2026-09-21T14:13:42%2B00:00", [20, 21]),
        ("?min_score=0.9", [n for n in range(COUNT) if n >= 22.5]),
        ("?state=open", []),
        ("?camera=door&kind=line", [n for n in range(COUNT) if n % 3 and not n % 2]),
    ],
)
def test_filters_narrow_the_events(visitor: Visitor, query: str, expected: list[int]) -> None:
    assert seen(visitor, query) == list(reversed(expected))


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("?kind=party", "kind: 'party' given: object, zone, line"),
        ("?limit=0", "limit: '0' given: a number from 1 to 500"),
        ("?limit=nan", "limit"),
        ("?since=yesterday", "since: 'yesterday' given"),
        ("?before=1", "before"),
        ("?state=maybe", "state"),
    ],
)
def test_a_wrong_filter_is_refused(visitor: Visitor, query: str, detail: str) -> None:
    answer = visitor.ask("GET", EVENTS + query)
    assert answer.status == 400 and detail in answer.content["detail"]


def uuid_of(visitor: Visitor, number: int) -> str:
    query = f"?since={START + number}&until={START + number + 0.5}"
    return str(visitor.ask("GET", EVENTS + query).content["events"][0]["uuid"])


@pytest.mark.parametrize(
    ("number", "status", "detail"),
    [
        (21, 409, "not ready yet"),
        (22, 404, "disk full"),
        (1, 404, "no clip is made"),
        (23, 404, "deleted"),  # whatever the store says, no file outside of the folder
    ],
)
def test_a_clip_that_is_not_there_says_why(
    visitor: Visitor, number: int, status: int, detail: str
) -> None:
    answer = visitor.ask("GET", f"{EVENTS}/{uuid_of(visitor, number)}/clip.mp4")
    assert answer.status == status and detail in answer.content["detail"]


def test_a_part_of_a_clip_can_be_asked_for(visitor: Visitor) -> None:
    path = f"{EVENTS}/{uuid_of(visitor, 20)}/clip.mp4"
    answer = visitor.ask("GET", path, headers={"Range": "bytes=2-4"})
    assert (answer.status, answer.content) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"


@pytest.mark.parametrize("uuid", ["x", "0" * 36, "%25", "..%2f..%2fsecret.txt"])
def test_an_unknown_event_is_not_found(visitor: Visitor, uuid: str) -> None:
    assert visitor.ask("GET", f"{EVENTS}/{uuid}").status == 404


def test_without_events_the_answer_says_how_to_have_some(tmp_path: Path) -> None:
    config = minimal_config(tmp_path, quick_clip(5), serve={"address": "127.0.0.1:0"})
    with visited(config) as found:
        answer = found.ask("GET", EVENTS)
    assert answer.status == 404 and "section 'events'" in answer.content["detail"]
