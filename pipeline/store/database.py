"""Connections to the database of a store, and its failures as messages for the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.errors import FramelaneError, UsageError
from pipeline.store.schema import VERSION, NewerStore, upgrade, version_of

if TYPE_CHECKING:
    from pipeline.sinks.output_lock import OutputLock

FILE = "events.sqlite"  # in the folder of the events
BUSY_SECONDS = 5.0  # for another writer; prune writes for milliseconds at a time
MAX_WAL_BYTES = 16_000_000  # to which the log is cut after a long reader has let it grow


class StoreError(FramelaneError):
    """The store cannot be read or written."""


class Database:
    """One connection; used by one thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows; raises StoreError."""
        with failures_of(self.path):
            return self.connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what the block writes, or none of it if it raises; raises sqlite3.Error."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # SQLite ends it itself when the disk is full
                self.connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def open_to_read(folder: Path) -> Database:
    """Open the store in a folder, beside a process that writes it; raises StoreError, UsageError.

    A store of an older version is brought to the newest one first.
    """
    path = folder / FILE
    if not path.is_file():
        raise UsageError(
            f"{folder} has no {FILE}, so no events were stored there: "
            "give the folder of `events:` with --folder"
        )
    with failures_of(path):
        database = Database(path, _connect(path, "ro"))
        try:
            version = version_of(database.connection)
            if version == VERSION:
                return database
        except BaseException:
            database.close()
            raise
    database.close()
    if version == 0:
        raise StoreError(f"{path} is no store of events: give another folder with --folder")
    open_to_write(folder).close()
    return open_to_read(folder)


def open_to_read_any(path: Path) -> sqlite3.Connection:
    """Open a store that may be damaged, for what can be read of it; raises NewerStore."""
    connection = _connect(path, "rw")  # not "ro": what its write-ahead log holds is wanted, too
    try:
        with suppress(sqlite3.DatabaseError):
            version_of(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_write(folder: Path, busy_seconds: float = BUSY_SECONDS, file: str = FILE) -> Database:
    """Open the store in a folder, or create it; raises StoreError.

    busy_seconds: how long a write waits for another process that writes

    synchronous=FULL: a commit returns when the disk has it. With NORMAL, a power cut could take
    back events that receivers know already, and their sequence numbers would be given again.
    """
    path = folder / file
    with failures_of(path):
        folder.mkdir(parents=True, exist_ok=True)
        connection = _connect(path, "rwc", busy_seconds)
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only before the first table
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {MAX_WAL_BYTES}")
            upgrade(connection)
        except BaseException:
            connection.close()
            raise
    return Database(path, connection)


def lock_store(folder: Path) -> OutputLock:
    """Keep other runs away from the store in a folder; raises StoreError if one uses it."""
    from pipeline.sinks.output_lock import InUse, OutputLock  # with numpy, which no reader needs

    path = folder / FILE
    try:
        return OutputLock(path)
    except InUse:
        raise StoreError(
            f"{path}: a run uses it: end that run, or give `events:` another folder"
        ) from None


@contextmanager
def failures_of(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and the file system into a StoreError that says what to do."""
    try:
        yield
    except NewerStore as error:
        raise StoreError(f"{path}: {error}") from error
    except (sqlite3.DatabaseError, OSError) as error:
        raise StoreError(f"{path} {described(error, path.parent)}") from error


def is_damage(error: BaseException) -> bool:
    """Return whether the file itself is damaged: SQLite has no class of its own for that."""
    return type(error) is sqlite3.DatabaseError


def described(error: BaseException, folder: Path) -> str:
    """Return what an error means and what to do."""
    if is_damage(error):
        return (
            f"is damaged ({error}): end the run that uses it, then make it anew from the clips "
            f"with `framelane events rebuild --folder {folder}`"
        )
    if isinstance(error, OSError):
        return (
            f"cannot be opened: {error.strerror} ('{error.filename or folder}'): "
            "give a folder that can be written"
        )
    if "locked" in str(error):
        return "is locked by another program: end that program, or try again"
    if "is full" in str(error):
        return "cannot be written, because the disk is full: free some space"
    if "unable to open" in str(error):
        return "cannot be opened: check the permissions of the file and of its folder"
    return f"cannot be used: {error}"


def _connect(path: Path, mode: str, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,  # transactions begin and end where the code says so
        check_same_thread=False,  # opened where errors can be shown, used on the writer's thread
    )
