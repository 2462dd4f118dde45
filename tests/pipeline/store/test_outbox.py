from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from pipeline.events.payload import event_from_json
from pipeline.events.record import Phase, new_uuid
from pipeline.store.database import Database, open_to_write
from pipeline.store.event_log import EventLog
from pipeline.store.losses import Loss
from pipeline.store.outbox import Outbox
from pipeline.store.outbox_writer import OutboxBounds, OutboxWriter
from tests.support.stored_events import stored_event

PATIENCE = 60.0  # seconds: ends a test that hangs


class Nothing:
    """Acknowledgements of which none waits for its writer."""

    unsettled: frozenset[int] = frozenset()

    def acknowledge(self, ids: Iterable[int]) -> None:
        raise AssertionError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_to_write(tmp_path)) as opened:
        opened.connection.execute("PRAGMA synchronous = OFF")  # each statement is a commit here
        yield opened


@pytest.fixture
def outbox(database: Database) -> Iterator[Outbox]:
    with closing(Outbox(database.path.parent, Nothing())) as opened:
        yield opened


def shown(outbox: Outbox, transport: str = "hook") -> list[str]:
    """Return what waits: bodies, and gaps with their counts and times."""
    return [
        "gap {stream} {dropped} {since:g}-{until:g}".format(**json.loads(row.body))
        if row.phase is Phase.GAP
        else row.body
        for row in outbox.next_rows(transport, 1000)
    ]


def fill(writer: OutboxWriter, bodies: Iterable[str], stream: str = "door") -> None:
    for body in bodies:
        writer.insert(stream, new_uuid(), Phase.UPDATE, body, float(body.lstrip("x")))


def test_each_transport_gets_the_stored_event_once_and_in_order(tmp_path: Path) -> None:
    log = EventLog(tmp_path, {"hook": OutboxBounds(), "mqtt": OutboxBounds()})
    with closing(log), closing(Outbox(tmp_path, log)) as outbox:
        events = [stored_event(at=float(number)) for number in range(5)]
        for event in events:
            log.put(event, Phase.END)
        assert log.flush(PATIENCE)
        for transport in ("hook", "mqtt"):
            rows = outbox.next_rows(transport, 3)
            assert [row.uuid for row in rows] == [event.uuid for event in events[:3]]
            told = event_from_json(json.loads(rows[2].body))
            assert (told.uuid, told.sequence) == (events[2].uuid, 3)
        first = outbox.next_rows("hook", 2)
        outbox.acknowledge(row.id for row in first)
        assert [row.uuid for row in outbox.next_rows("hook", 9)] == [e.uuid for e in events[2:]]
        assert log.flush(PATIENCE)
        assert [row.uuid for row in outbox.next_rows("hook", 9)] == [e.uuid for e in events[2:]]
        assert (outbox.backlog("hook").rows, outbox.backlog("mqtt").rows) == (3, 5)
        assert outbox.backlog("unknown").oldest_at is None


def test_what_was_not_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    event = stored_event()
    log = EventLog(tmp_path, {"hook": OutboxBounds()})
    log.put(event, Phase.END)
    log.close()
    log = EventLog(tmp_path, {"hook": OutboxBounds()})
    with closing(log), closing(Outbox(tmp_path, log)) as outbox:
        assert [row.uuid for row in outbox.next_rows("hook", 9)] == [event.uuid]


def test_streams_that_must_wait_can_be_left_out(database: Database, outbox: Outbox) -> None:
    writer = OutboxWriter(database.connection, {"hook": OutboxBounds()})
    fill(writer, ["1", "2"], "door")
    fill(writer, ["3"], "yard")
    assert [row.body for row in outbox.next_rows("hook", 1, without={"door"})] == ["3"]


@pytest.mark.parametrize(
    "bounds",
    [OutboxBounds(max_rows=3), OutboxBounds(max_bytes=3), OutboxBounds(max_seconds=2.5)],
    ids=["rows", "bytes", "age"],
)
def test_beyond_its_bounds_the_oldest_go_and_one_gap_stands_in_their_place(
    database: Database, outbox: Outbox, bounds: OutboxBounds
) -> None:
    writer = OutboxWriter(database.connection, {"hook": bounds})
    fill(writer, "12345678")
    assert writer.enforce(8.0) == 5
    assert shown(outbox) == ["gap door 5 1-5", "6", "7", "8"]
    assert outbox.backlog("hook").dropped == 5


def test_a_gap_that_grows_keeps_its_uuid_and_survives_a_late_acknowledgement(
    database: Database, outbox: Outbox
) -> None:
    writer = OutboxWriter(database.connection, {"hook": OutboxBounds(max_rows=2)})
    fill(writer, "1234")
    writer.enforce(4.0)
    (before, *_) = outbox.next_rows("hook", 1)
    fill(writer, "56")
    writer.enforce(6.0)
    (after, *_) = outbox.next_rows("hook", 1)
    assert shown(outbox) == ["gap door 4 1-4", "5", "6"]
    assert after.uuid == before.uuid
    writer.delete([before.id])  # it was delivered when it told of two
    assert shown(outbox) == ["gap door 4 1-4", "5", "6"]
    writer.delete([after.id])
    fill(writer, "7")
    writer.enforce(7.0)
    assert shown(outbox) == ["gap door 1 5-5", "6", "7"]
    assert outbox.next_rows("hook", 1)[0].uuid != before.uuid


def test_each_stream_has_a_gap_of_its_own(database: Database, outbox: Outbox) -> None:
    writer = OutboxWriter(database.connection, {"hook": OutboxBounds(max_rows=1)})
    fill(writer, "12", "door")
    fill(writer, "34", "yard")
    fill(writer, "5", "door")
    writer.enforce(5.0)
    assert shown(outbox) == ["gap door 2 1-2", "gap yard 2 3-4", "5"]


def test_a_loss_in_memory_is_announced_to_every_transport_and_joins_a_later_gap(
    database: Database, outbox: Outbox
) -> None:
    writer = OutboxWriter(
        database.connection, {"hook": OutboxBounds(max_rows=1), "mqtt": OutboxBounds()}
    )
    fill(writer, "1")
    writer.announce(Loss("door", 7, 1.5, 1.75), 2.0)
    fill(writer, "3")
    assert shown(outbox) == shown(outbox, "mqtt") == ["1", "gap door 7 1.5-1.75", "3"]
    fill(writer, "4")
    writer.enforce(4.0)
    assert shown(outbox) == ["gap door 9 1-3", "4"]
    assert (outbox.backlog("hook").dropped, outbox.backlog("mqtt").dropped) == (9, 7)


def test_only_its_own_bounds_limit_a_transport(database: Database, outbox: Outbox) -> None:
    writer = OutboxWriter(
        database.connection, {"hook": OutboxBounds(max_rows=1), "mqtt": OutboxBounds()}
    )
    fill(writer, "123")
    writer.enforce(3.0)
    assert shown(outbox) == ["gap door 2 1-2", "3"]
    assert shown(outbox, "mqtt") == ["1", "2", "3"]


@pytest.mark.parametrize("seed", range(20))
def test_every_row_is_delivered_waits_or_is_counted_as_dropped(
    database: Database, outbox: Outbox, seed: int
) -> None:
    """Whatever the order of inserts, acknowledgements, losses and restarts."""
    random = Random(seed)
    bounds = {"hook": OutboxBounds(max_rows=7, max_bytes=40, max_seconds=30.0)}
    writer = OutboxWriter(database.connection, bounds)
    inserted = delivered = told = 0
    for now in range(1, 150):
        for _ in range(random.randrange(3)):
            fill(writer, [str(now).rjust(random.randrange(3, 9), "x")], random.choice("ab"))
            inserted += 1
        if random.random() < 0.1:
            writer.announce(Loss("a", 2, now, now), now)
            inserted += 2
        for row in outbox.next_rows("hook", random.choice([0, 0, 1, 4])):
            writer.delete([row.id])
            delivered += row.phase is not Phase.GAP
            told += json.loads(row.body)["dropped"] if row.phase is Phase.GAP else 0
        if random.random() < 0.1:
            writer = OutboxWriter(database.connection, bounds)  # a restart
        writer.enforce(float(now))
        waiting = outbox.next_rows("hook", 1000)
        events = [row for row in waiting if row.phase is not Phase.GAP]
        gaps = [json.loads(row.body)["dropped"] for row in waiting if row.phase is Phase.GAP]
        assert len(events) <= 7
        assert sum(len(row.body) for row in events) <= 40
        assert all(now - row.created_at <= 30 for row in events)
        assert outbox.backlog("hook").dropped == told + sum(gaps)
        assert inserted == delivered + len(events) + told + sum(gaps)
