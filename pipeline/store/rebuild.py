"""A store made anew: from what can still be read of the old one, and from the sidecars of clips."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import time

from detector.errors import UsageError
from pipeline.events.record import ClipState, EventRecord
from pipeline.events.sidecar import Sidecar, read_sidecar
from pipeline.store.database import FILE, failures_of, lock_store, open_to_read_any, open_to_write
from pipeline.store.event_rows import INSERT, event_row

NEW_FILE = f"{FILE}.new"
TABLES = ("streams", "events", "outbox", "transports")
MISSING = "the file is missing"


@dataclass(slots=True)
class Rebuilt:
    """What the new store has.

    kept: events of the old store; found: further events of sidecars
    unreadable: sidecars that are none, with the reason
    old: where the old store lies now; None: there was none
    """

    kept: int = 0
    found: int = 0
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    old: Path | None = None


def rebuild(folder: Path) -> Rebuilt:
    """Make the store in a folder anew; the old one stays beside it, under another name.

    Raises UsageError if there is neither a store nor a clip, and StoreError if a run uses the store
    or a new one cannot be written.
    """
    path = folder / FILE
    if not path.exists() and not any(_sidecars(folder)):
        raise UsageError(
            f"{folder} has neither {FILE} nor sidecars (clips/**/*.json): "
            "give the folder of `events:` with --folder"
        )
    lock = lock_store(folder)
    try:
        with failures_of(folder / NEW_FILE):
            _remove(folder / NEW_FILE)
            done = Rebuilt()
            new = open_to_write(folder, file=NEW_FILE)
            with closing(new), new.transaction() as connection:
                if path.exists():
                    _copy(path, connection)
                done.kept = connection.execute("SELECT count(*) FROM events").fetchone()[0]
                for sidecar in _sidecars(folder):
                    _add(connection, folder, sidecar, done)
                _raise_sequences(connection)
            if path.exists():
                done.old = _move_away(path)
            (folder / NEW_FILE).replace(path)
    finally:
        _remove(folder / NEW_FILE)
        lock.release()
    return done


def _sidecars(folder: Path) -> Iterator[Path]:
    return iter(sorted((folder / "clips").glob("**/*.json")))


def _copy(old: Path, new: sqlite3.Connection) -> None:
    """Copy the rows that can be read; raises NewerStore."""
    with closing(open_to_read_any(old)) as connection:
        for table in TABLES:
            names = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
            for order in ("", " ORDER BY 1 DESC"):  # from both ends to what is damaged
                with suppress(sqlite3.DatabaseError):
                    _copy_table(connection, new, table, names, order)
    # Rows of a version that did not store it
    new.execute("UPDATE events SET noted_wall = start_wall WHERE noted_wall = 0")


def _copy_table(
    old: sqlite3.Connection, new: sqlite3.Connection, table: str, names: list[str], order: str
) -> None:
    found = old.execute(f"SELECT * FROM {table}{order}")
    columns = [column[0] for column in found.description if column[0] in names]
    places = [index for index, column in enumerate(found.description) if column[0] in names]
    statement = (
        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)})"
        f" VALUES ({', '.join('?' * len(columns))})"
    )
    for row in found:
        new.execute(statement, [row[place] for place in places])


def _add(connection: sqlite3.Connection, folder: Path, path: Path, done: Rebuilt) -> None:
    """Add the events of a sidecar that the store does not have."""
    try:
        sidecar = read_sidecar(path)
    except (ValueError, OSError) as error:
        done.unreadable.append((path, _reason(error)))
        return
    for event in sidecar.events:
        try:
            done.found += _insert(connection, _with_clip(event, sidecar, folder))
        except (sqlite3.Error, ValueError, OverflowError) as error:
            done.unreadable.append((path, _reason(error)))


def _insert(connection: sqlite3.Connection, event: EventRecord) -> bool:
    """Insert an event unless it is known; return whether it was not.

    Of a known event the store may not have heard that its clip was written.
    A store that was begun anew gave numbers that sidecars have, too, and a clip may have been
    written before its event had a number: the sidecar's event gets another one.
    """
    if connection.execute("SELECT 1 FROM events WHERE uuid = ?", (event.uuid,)).fetchone():
        if event.clip_state is ClipState.READY:
            connection.execute(
                "UPDATE events SET clip = ?, clip_state = 'ready', clip_reason = NULL"
                " WHERE uuid = ? AND clip_state != 'ready'",
                (event.clip, event.uuid),
            )
        return False
    ((taken, last),) = connection.execute(
        "SELECT coalesce(max(sequence = ?), false), coalesce(max(sequence), 0) FROM events"
        " WHERE stream = ?",
        (event.sequence, event.stream),
    )
    if taken or event.sequence < 1:
        event = replace(event, sequence=last + 1)
    connection.execute(INSERT, (*event_row(event), time()))
    return True


def _with_clip(event: EventRecord, sidecar: Sidecar, folder: Path) -> EventRecord:
    """The sidecar may be older than the last change of its event."""
    clip = sidecar.clip.path
    if (folder / clip).is_file():
        return replace(event, clip=clip, clip_state=ClipState.READY, clip_reason=None)
    return replace(event, clip=None, clip_state=ClipState.FAILED, clip_reason=MISSING)


def _raise_sequences(connection: sqlite3.Connection) -> None:
    """Let new events of each stream be numbered after all that are known."""
    connection.execute(
        "INSERT INTO streams (name, sequence) SELECT stream, max(sequence) FROM events WHERE true"
        " GROUP BY stream ON CONFLICT (name) DO UPDATE SET"
        " sequence = max(sequence, excluded.sequence)"
    )


def _move_away(path: Path) -> Path:
    """Give the old store another name, with its write-ahead log, which belongs to it alone."""
    now = datetime.now().astimezone()
    old = path.with_name(f"{path.name}.old-{now:%Y%m%d-%H%M%S}")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{old}{suffix}")
    return old


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error}"
    return str(error).partition("\n")[0]
