from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from detector.errors import UsageError
from pipeline.events.record import EventKind, EventRecord, Phase
from pipeline.store.database import FILE, StoreError
from pipeline.store.event_log import EventLog
from pipeline.store.queries import EventFilter, EventReader
from tests.support.stored_events import START, stored_event


def make_events() -> list[EventRecord]:
    random = Random(3)
    events = []
    for _ in range(300):
        is_camera = random.random() < 0.1
        events.append(
            stored_event(
                random.choice(["door", "yard"]),
                at=float(random.randrange(100)),  # many start at the same moment
                lasts=random.choice([None, 1.0, 5.0]),
                kind=EventKind.CAMERA if is_camera else random.choice(list(EventKind)[:4]),
                class_name=None if is_camera else random.choice(["person", "car"]),
                score=None if is_camera else random.random(),
                place=random.choice([None, "gate", "street"]),
            )
        )
    return events


EVENTS = make_events()
Predicate = Callable[[EventRecord], bool]
FILTERS: dict[str, tuple[EventFilter, Predicate]] = {
    "all": (EventFilter(), lambda event: True),
    "time": (
        EventFilter(since=START + 20, until=START + 60),
        lambda event: START + 20 <= event.start.wall < START + 60,
    ),
    "stream": (EventFilter(stream="yard"), lambda event: event.stream == "yard"),
    "class": (EventFilter(class_name="car"), lambda event: event.class_name == "car"),
    "place": (EventFilter(place="gate"), lambda event: event.place == "gate"),
    "kind": (EventFilter(kind=EventKind.LINE), lambda event: event.kind is EventKind.LINE),
    "score": (EventFilter(min_score=0.5), lambda event: (event.score or 0.0) >= 0.5),
    "open": (EventFilter(open=True), lambda event: event.end is None),
    "ended": (EventFilter(open=False), lambda event: event.end is not None),
    "several": (
        EventFilter(since=START + 10, stream="door", class_name="person", min_score=0.25),
        lambda event: (
            event.start.wall >= START + 10
            and (event.stream, event.class_name) == ("door", "person")
            and (event.score or 0.0) >= 0.25
        ),
    ),
    "none": (EventFilter(stream="nowhere"), lambda event: False),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("events")
    log = EventLog(path)
    for event in EVENTS:
        log.put(event, Phase.START)
    log.close()
    return path


@pytest.fixture
def reader(folder: Path) -> Iterator[EventReader]:
    with closing(EventReader(folder)) as opened:
        yield opened


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("oldest_first", [False, True])
def test_pages_give_what_a_slow_filter_gives_in_order(
    reader: EventReader, name: str, oldest_first: bool
) -> None:
    wanted, accepts = FILTERS[name]
    found: list[EventRecord] = []
    after = None
    while True:
        page = reader.page(wanted, 7, after, oldest_first=oldest_first)
        found += page.events
        after = page.next
        if after is None:
            break
        assert len(page.events) == 7
    # Events of one moment come in the order in which they were stored.
    slow = sorted(filter(accepts, EVENTS), key=lambda event: event.start.wall)
    uuids = [event.uuid for event in slow]
    assert [event.uuid for event in found] == (uuids if oldest_first else uuids[::-1])
    assert reader.count(wanted) == len(slow)


def test_events_come_back_as_they_were_put(reader: EventReader) -> None:
    found = list(reader.all(EventFilter()))
    by_uuid = {event.uuid: replace(event, sequence=0) for event in found}
    assert by_uuid == {event.uuid: event for event in EVENTS}


def test_no_page_sorts_or_reads_the_whole_table(folder: Path) -> None:
    """SQLite's own plan: every filter walks along an index that is in the order of the page."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        for wanted, _ in FILTERS.values():
            where = " AND ".join(condition for condition, _ in wanted.conditions()) or "true"
            values = [value for _, given in wanted.conditions() for value in given]
            plan = connection.execute(
                f"EXPLAIN QUERY PLAN SELECT * FROM events WHERE {where}"
                " ORDER BY start_wall DESC, id DESC LIMIT 50",
                values,
            ).fetchall()
            assert "USING INDEX events_" in plan[0][3]
            assert all("ORDER BY" not in line[3] or "RIGHT PART" in line[3] for line in plan)


def test_a_page_continues_where_the_last_one_ended_although_events_came_and_went(
    tmp_path: Path,
) -> None:
    events = [stored_event(at=float(number)) for number in range(6)]
    log = EventLog(tmp_path)
    for event in events:
        log.put(event, Phase.END)
    log.flush(60.0)
    with closing(log), closing(EventReader(tmp_path)) as reader:
        page = reader.page(EventFilter(), 2)
        log.put(stored_event(at=9.0), Phase.END)
        log.flush(60.0)
        with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
            connection.execute("DELETE FROM events WHERE uuid = ?", (events[4].uuid,))
        rest = reader.page(EventFilter(), 9, page.next).events
    assert [event.uuid for event in rest] == [event.uuid for event in reversed(events[:4])]


def test_the_beginning_of_a_uuid_finds_its_event(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for uuid in ("aa11", "aa22", "bb33"):
        log.put(replace(stored_event(), uuid=uuid), Phase.END)
    log.close()
    with closing(EventReader(tmp_path)) as reader:
        assert reader.find("AA2").uuid == "aa22"
        assert reader.find("bb33").uuid == "bb33"
        with pytest.raises(UsageError, match=r"several events have a UUID .*: aa11, aa22"):
            reader.find("aa")
        with pytest.raises(UsageError, match="no event has a UUID that begins with 'c%'"):
            reader.find("c%")


def test_a_missing_store_says_which_option_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no events\.sqlite.*--folder"):
        EventReader(tmp_path)


def test_a_damaged_store_says_how_to_make_it_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all" * 500)
    with pytest.raises(StoreError, match=f"framelane events rebuild --folder {tmp_path}") as raised:
        EventReader(tmp_path)
    assert "\n" not in str(raised.value)
    with pytest.raises(StoreError, match="is damaged"):
        EventLog(tmp_path)
