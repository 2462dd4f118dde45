from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Event

import pytest

from pipeline.events.record import EventRecord, Phase, new_uuid
from pipeline.store.database import FILE
from pipeline.store.event_log import EventLog
from pipeline.store.outbox import Outbox
from pipeline.store.outbox_writer import OutboxBounds
from tests.support.disks import small_disk
from tests.support.stored_events import moment, stored_event

PATIENCE = 60.0  # seconds: ends a test that hangs

WRITER = """
import sys
from itertools import count
from pathlib import Path
from pipeline.events.record import Phase
from pipeline.store.event_log import EventLog
from pipeline.store.outbox_writer import OutboxBounds
from tests.support.stored_events import stored_event

log = EventLog(Path(sys.argv[1]), {"hook": OutboxBounds()}, group_seconds=0.0)
log.on_committed(lambda stored: [print(each.record.uuid, flush=True) for each in stored])
for number in count():
    log.put(stored_event(at=number, lasts=None if number % 2 else 1.0), Phase.START)
    if number % 50 == 49:
        log.flush(60)
"""


@contextmanager
def running(folder: Path, *transports: str, **options: float) -> Iterator[EventLog]:
    bounds = dict.fromkeys(transports, OutboxBounds())
    log = EventLog(folder, bounds, **options)  # type: ignore[arg-type]
    try:
        yield log
    finally:
        log.close()


def rows(folder: Path, statement: str) -> list[tuple[object, ...]]:
    """Ask SQLite itself, not our code."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return connection.execute(statement).fetchall()


def test_what_a_listener_hears_is_in_the_database_already(tmp_path: Path) -> None:
    seen: list[tuple[object, ...]] = []
    heard = Event()

    def listen(stored: object) -> None:
        seen.extend(rows(tmp_path, "SELECT uuid, sequence, class, score FROM events"))
        heard.set()

    event = stored_event()
    with running(tmp_path) as log:
        log.on_committed(listen)
        log.put(event, Phase.END)
        assert heard.wait(PATIENCE)
    assert seen == [(event.uuid, 1, "person", 0.75)]


def test_one_value_that_no_column_takes_loses_only_its_own_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = [stored_event(at=float(number)) for number in range(6)]
    bad = stored_event(track=2**70)
    with running(tmp_path, "hook", group_seconds=0.5) as log:
        for event in (*good[:3], bad, *good[3:]):
            log.put(event, Phase.END)
        assert log.flush(PATIENCE)
        assert log.figures.lost == 1
    assert [uuid for (uuid,) in rows(tmp_path, "SELECT uuid FROM events ORDER BY id")] == [
        event.uuid for event in good
    ]
    assert "a change cannot be stored" in caplog.text


def test_a_listener_that_fails_does_not_end_the_storing(tmp_path: Path) -> None:
    def fail(stored: object) -> None:
        raise RuntimeError("a listener's bug")

    with running(tmp_path, group_seconds=0.0) as log:
        log.on_committed(fail)
        for _ in range(2):
            log.put(stored_event(), Phase.END)
            assert log.flush(PATIENCE)
    assert rows(tmp_path, "SELECT count(*) FROM events") == [(2,)]


def test_a_locked_database_costs_nothing_that_fits_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, retry_seconds=0.01) as log:
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for _ in range(20):
                log.put(stored_event(), Phase.END)
            while "is locked by another program" not in caplog.text:
                assert not log.flush(0.1)
            other.execute("ROLLBACK")
        assert log.flush(PATIENCE)
        assert log.figures.lost == 0
    assert rows(tmp_path, "SELECT count(*) FROM events") == [(20,)]


def test_what_does_not_fit_in_memory_is_counted_and_announced_as_a_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "framelane")
    event = stored_event(lasts=None)
    with running(tmp_path, "hook", max_waiting=10, retry_seconds=0.01) as log:
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            log.put(event, Phase.START)
            while "is locked by another program" not in caplog.text:
                assert not log.flush(0.1)
            for _ in range(30):
                log.put(event, Phase.UPDATE)
            log.put(replace(event, end=moment(9.0)), Phase.END)
            other.execute("ROLLBACK")
        assert log.flush(PATIENCE)
        assert log.figures.lost == 22
        outbox = Outbox(tmp_path, log)
        phases = [row.phase.value for row in outbox.next_rows("hook", 100)]
        assert outbox.backlog("hook").dropped == 22
        outbox.close()
    assert phases == ["start", *["update"] * 8, "end", "gap"]
    assert rows(tmp_path, "SELECT end_seconds FROM events") == [(9.0,)]
    lines = [
        line
        for line in caplog.messages
        if "changes lost because they could not be stored: 22" in line
    ]
    assert len(lines) == 1


def test_a_full_disk_loses_nothing_once_there_is_room_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        disk = small_disk(tmp_path / "disk", "2m")
        folder = disk.__enter__()
    except OSError as error:
        pytest.skip(str(error))
    try:
        with running(folder, retry_seconds=0.01) as log:
            (folder / "filler").write_bytes(bytes(1_400_000))
            count = 0
            while "is full" not in caplog.text:
                for _ in range(100):
                    log.put(stored_event(cause="x" * 500), Phase.END)
                    count += 1
                log.flush(0.5)
            (folder / "filler").unlink()
            log.flush(PATIENCE)
            assert log.figures.waiting == 0
        found = rows(folder, "SELECT count(*) FROM events")
        assert (found, log.figures.lost) == ([(count,)], 0)
        assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    finally:
        disk.__exit__(None, None, None)


def test_close_gives_up_after_its_time_and_says_what_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        log.put(stored_event(), Phase.END)
        log.close(seconds=0.2)
        other.execute("ROLLBACK")
    assert log.figures.lost == 1
    assert "changes lost because they could not be stored: 1" in caplog.text
    assert rows(tmp_path, "SELECT count(*) FROM events") == [(0,)]


@pytest.mark.timeout(400)  # ten processes start
def test_ten_kills_lose_no_event_that_was_acknowledged(tmp_path: Path) -> None:
    random = Random(18)
    acknowledged: set[str] = set()
    for _ in range(10):
        line = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            for _ in range(random.randrange(1, 150)):  # the moment of the kill
                acknowledged.add(writer.stdout.readline().strip())
            writer.kill()
            acknowledged.update(
                part for part in writer.stdout.read().split("\n") if len(part) == 36
            )
        assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]
        stored = {uuid for (uuid,) in rows(tmp_path, "SELECT uuid FROM events")}
        assert acknowledged - {""} <= stored
        messages = {uuid for (uuid,) in rows(tmp_path, "SELECT uuid FROM outbox")}
        assert messages == stored  # in one transaction
    with running(tmp_path):
        pass
    ((numbers, last, still_open),) = rows(
        tmp_path, "SELECT count(*), max(sequence), sum(end_wall IS NULL) FROM events"
    )
    assert (numbers, still_open) == (last, 0)


def test_a_second_process_reads_while_the_first_writes(tmp_path: Path) -> None:
    counting = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for line in sys.stdin:\n"
        "    print(connection.execute('SELECT count(*) FROM events').fetchone()[0], flush=True)\n"
    )
    with running(tmp_path) as log:
        line = [sys.executable, "-c", counting, str(tmp_path / FILE)]
        with subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as reader:
            assert reader.stdin and reader.stdout
            for expected in range(1, 6):
                log.put(stored_event(), Phase.END)
                assert log.flush(PATIENCE)
                reader.stdin.write("\n")
                reader.stdin.flush()
                assert int(reader.stdout.readline()) == expected
            reader.stdin.close()


def record_of(uuid: str) -> EventRecord:
    return replace(stored_event(), uuid=uuid)


def test_an_id_that_is_none_stops_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "hook") as log:
        log.acknowledge([2**70])
        assert log.flush(PATIENCE)
        log.put(stored_event(), Phase.END)
    assert rows(tmp_path, "SELECT count(*) FROM events") == [(1,)]


def test_a_put_after_close_is_ignored(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.close()
    log.close()
    log.put(record_of(new_uuid()), Phase.END)
    assert rows(tmp_path, "SELECT count(*) FROM events") == [(0,)]
