from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.events.record import Phase
from pipeline.store.database import FILE, Database, StoreError, open_to_read, open_to_write
from pipeline.store.event_log import EventLog
from pipeline.store.queries import EventFilter, EventReader
from pipeline.store.schema import VERSION
from tests.support.stored_events import stored_event

VERSION_1 = Path(__file__).with_name("version_1.sql")  # a store as version 1 left it


def dump(path: Path) -> str:
    """Return the tables and indexes of a database, as SQLite knows them."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, tbl_name FROM sqlite_master ORDER BY 1, 2")
        tables = [name for kind, name, _ in rows.fetchall() if kind == "table"]
        columns = {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in tables
        }
        indexes = {
            index[1]: [each[2] for each in connection.execute(f"PRAGMA index_info('{index[1]}')")]
            for name in tables
            for index in connection.execute(f"PRAGMA index_list({name})").fetchall()
        }
    return f"{columns} {indexes}"


def make_version_1(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))


def test_a_store_of_version_1_becomes_a_new_one_with_its_events(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    make_version_1(old)
    log = EventLog(old)
    log.put(stored_event(), Phase.END)
    log.close()
    open_to_write(new).close()
    assert dump(old / FILE) == dump(new / FILE)
    with closing(EventReader(old)) as reader:
        first, second = reader.all(EventFilter())
    assert (first.uuid, first.sequence) == ("0b5a0f6e-31f5-4d0c-8d7a-000000000041", 41)
    assert (first.stream, first.ended_by, second.sequence) == ("door", None, 42)


def test_a_reader_brings_an_old_store_up_to_date(tmp_path: Path) -> None:
    make_version_1(tmp_path)
    with closing(open_to_read(tmp_path)) as database:
        assert database.query("PRAGMA user_version") == [(VERSION,)]
        assert database.query("SELECT sequence, ended_by FROM events") == [(41, None)]
        assert database.query("SELECT count(*) FROM events WHERE noted_wall = start_wall") == [(1,)]


@pytest.mark.parametrize("opened", [open_to_read, open_to_write])
def test_a_newer_store_is_refused_in_one_line_and_left_as_it_is(
    tmp_path: Path, opened: Callable[[Path], Database]
) -> None:
    open_to_write(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match=f"the store has version {VERSION + 1}") as raised:
        opened(tmp_path)
    assert "\n" not in str(raised.value)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)


def test_another_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE others (name TEXT)")
    with pytest.raises(StoreError, match="is no store of events: give another folder"):
        open_to_read(tmp_path)
