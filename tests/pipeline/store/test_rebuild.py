from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from detector.errors import UsageError
from pipeline.events.record import ClipState, EventRecord, Phase
from pipeline.store.database import FILE, StoreError
from pipeline.store.event_log import EventLog
from pipeline.store.outbox_writer import OutboxBounds
from pipeline.store.queries import EventFilter, EventReader
from pipeline.store.rebuild import rebuild
from tests.support.stored_events import stored_event, write_clip

VERSION_1 = Path(__file__).with_name("version_1.sql")  # a store as version 1 left it


def store(folder: Path, *events: EventRecord) -> None:
    log = EventLog(folder, {"hook": OutboxBounds()})
    for event in events:
        log.put(event, Phase.END)
    log.close()


def found(folder: Path) -> list[EventRecord]:
    with closing(EventReader(folder)) as reader:
        return list(reader.all(EventFilter()))


def test_a_deleted_store_comes_back_from_its_sidecars(tmp_path: Path) -> None:
    events = [stored_event(at=float(number)) for number in range(3)]
    store(tmp_path, *events)
    before = found(tmp_path)
    write_clip(tmp_path, "door/a", *before[:2])
    write_clip(tmp_path, "door/b", before[2])
    for path in tmp_path.glob("events.sqlite*"):
        path.unlink()
    done = rebuild(tmp_path)
    assert (done.kept, done.found, done.unreadable, done.old) == (0, 3, [], None)
    clips = ["clips/door/a.mp4", "clips/door/a.mp4", "clips/door/b.mp4"]
    assert found(tmp_path) == [
        replace(event, clip=clip, clip_state=ClipState.READY)
        for event, clip in zip(before, clips, strict=True)
    ]
    store(tmp_path, stored_event(at=9.0))
    assert [event.sequence for event in found(tmp_path)] == [1, 2, 3, 4]


def test_of_a_damaged_store_what_can_be_read_is_kept(tmp_path: Path) -> None:
    events = [stored_event(at=float(number), cause="x" * 200) for number in range(500)]
    store(tmp_path, *events)
    whole = found(tmp_path)
    write_clip(tmp_path, "door/250", whole[250])
    damaged = bytearray((tmp_path / FILE).read_bytes())
    middle = damaged.find(whole[250].uuid.encode() + b"door")  # the row, not an index
    damaged[middle - 8192 : middle + 8192] = bytes(16384)
    (tmp_path / FILE).write_bytes(damaged)
    done = rebuild(tmp_path)
    after = {event.uuid: event for event in found(tmp_path)}
    assert len(after) == done.kept + done.found
    assert 400 < done.kept < 500  # from both ends up to the damage
    assert {whole[0].uuid, whole[250].uuid, whole[-1].uuid} <= set(after)
    assert after[whole[250].uuid].clip_state is ClipState.READY
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert done.old and done.old.read_bytes() == damaged


def test_a_healthy_store_loses_neither_events_nor_messages(tmp_path: Path) -> None:
    store(tmp_path, *(stored_event() for _ in range(5)))
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        before = {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("events", "outbox", "streams", "transports")
        }
    rebuild(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        for table, rows in before.items():
            assert connection.execute(f"SELECT * FROM {table}").fetchall() == rows


def test_events_of_an_older_version_are_as_old_as_they_were(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    assert rebuild(tmp_path).kept == 1
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT noted_wall = start_wall FROM events").fetchall() == [(1,)]


def test_a_file_that_is_no_database_gives_way(tmp_path: Path) -> None:
    write_clip(tmp_path, "a", replace(stored_event(), sequence=7))
    (tmp_path / FILE).write_bytes(b"not a database at all" * 500)
    done = rebuild(tmp_path)
    assert (done.kept, done.found) == (0, 1)
    assert [event.sequence for event in found(tmp_path)] == [7]


def test_an_event_whose_number_is_taken_gets_another(tmp_path: Path) -> None:
    write_clip(tmp_path, "a", replace(stored_event(at=1.0), sequence=1))
    store(tmp_path, stored_event(at=2.0))
    rebuild(tmp_path)
    assert [event.sequence for event in found(tmp_path)] == [2, 1]


def test_an_event_that_had_no_number_yet_gets_one(tmp_path: Path) -> None:
    write_clip(tmp_path, "a", replace(stored_event(at=1.0), sequence=3))
    write_clip(tmp_path, "b", stored_event(at=2.0), stored_event(at=3.0))
    rebuild(tmp_path)
    assert [event.sequence for event in found(tmp_path)] == [3, 4, 5]


def test_a_clip_that_the_store_did_not_hear_of_is_ready(tmp_path: Path) -> None:
    event = stored_event(clip_state=ClipState.PENDING)
    store(tmp_path, event)
    write_clip(tmp_path, "a", event)
    rebuild(tmp_path)
    (after,) = found(tmp_path)
    assert (after.clip, after.clip_state) == ("clips/a.mp4", ClipState.READY)


def test_a_clip_that_is_gone_is_failed(tmp_path: Path) -> None:
    write_clip(tmp_path, "a", replace(stored_event(), sequence=1)).unlink()
    rebuild(tmp_path)
    (event,) = found(tmp_path)
    assert (event.clip, event.clip_state, event.clip_reason) == (
        *(None, ClipState.FAILED, "the file is missing"),
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": 9}', "\udcff"])
def test_a_file_that_is_no_sidecar_is_named_and_left_out(tmp_path: Path, text: str) -> None:
    write_clip(tmp_path, "a", replace(stored_event(), sequence=1))
    wrong = tmp_path / "clips/wrong.json"
    wrong.write_text(text, encoding="utf-8", errors="surrogateescape")
    done = rebuild(tmp_path)
    assert done.found == 1
    ((path, reason),) = done.unreadable
    assert path == wrong
    assert reason and "\n" not in reason


def test_the_store_of_a_run_is_left_alone(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    with closing(log), pytest.raises(StoreError, match="a run uses it"):
        rebuild(tmp_path)


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    store(tmp_path, stored_event())
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="the store has version 99"):
        rebuild(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_folder_without_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has neither"):
        rebuild(tmp_path)


def test_a_rebuild_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    store(tmp_path, stored_event())
    shutil.copy(tmp_path / FILE, tmp_path / f"{FILE}.new")
    assert rebuild(tmp_path).kept == 1
    assert not (tmp_path / f"{FILE}.new").exists()
