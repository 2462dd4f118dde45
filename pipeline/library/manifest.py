"""What was done before, in SQLite: a second run does only what is missing or has changed."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import version
from pathlib import Path

from detector.errors import FramelaneError, UsageError
from detector.terminal import printable
from pipeline.library.executor import Fingerprint
from pipeline.library.plan import Task
from pipeline.redaction import shown_url
from pipeline.sinks.output_lock import InUse, OutputLock

FILE = "library.sqlite"
VERSION = 1  # of the schema
BUSY_SECONDS = 5.0
_MAGIC = b"SQLite format 3\0"  # at the beginning of a database; a new file is empty

_SCHEMA = """
CREATE TABLE IF NOT EXISTS recordings (
    outputs TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    content TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    faults TEXT NOT NULL,
    frames INTEGER NOT NULL,
    seconds REAL NOT NULL,
    version TEXT NOT NULL,
    ended_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) WITHOUT ROWID
"""


class State(Enum):
    """What became of a recording for good."""

    DONE = "done"
    FAILED = "failed"
    QUARANTINED = "quarantined"  # it killed its workers


@dataclass(frozen=True, slots=True)
class Entry:
    """What the manifest says about the outputs of a recording.

    fingerprint: of the recording; digest: of configuration and model (see Plan)
    reason: why it is not done; faults: its damage; seconds: that it took
    """

    state: State
    fingerprint: Fingerprint
    digest: str
    reason: str = ""
    faults: tuple[str, ...] = ()
    frames: int = 0
    seconds: float = 0.0


class LibraryManifest:
    """The entries of all outputs in a folder; one run at a time.

    A transaction is on the disk when it ends. Outputs have their final names before their entry is
    written, so that after a crash the worst is to do a recording again. Raises FramelaneError if
    another run uses it, UsageError if it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = version("framelane")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_other_file(path)
            self._lock = OutputLock(path)
        except InUse:
            raise FramelaneError(f"{path}: another run works on it: end it, or wait") from None
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be written: {error.strerror}: give another file with --manifest"
            ) from error
        try:
            with self._translated():
                self._database = _opened(path)
        except BaseException:
            self._lock.release()
            raise

    def entry(self, task: Task) -> Entry | None:
        """Return the entry of a task; None if its outputs were never made."""
        with self._translated():
            row = self._database.execute(
                "SELECT state, size, modified, content, digest, reason, faults, frames, seconds, "
                "source, version FROM recordings WHERE outputs = ?",
                (self._key(task),),
            ).fetchone()
        if row is None:
            return None
        state, size, modified, content, digest, reason, faults, frames, seconds, source, by = row
        if State(state) is not State.DONE and by != self._version:
            return None  # this version may be able to do it
        if source != _source(task):
            modified = 0  # size and date of another file say nothing
        return Entry(
            State(state),
            Fingerprint(size, modified, content),
            digest,
            reason,
            tuple(json.loads(faults)),
            frames,
            seconds,
        )

    def write(self, task: Task, entry: Entry) -> None:
        """Write an entry, within a transaction."""
        known = entry.fingerprint
        self._database.execute(
            "INSERT OR REPLACE INTO recordings (outputs, source, size, modified, content, digest, "
            "state, reason, faults, frames, seconds, version) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._key(task),
                _source(task),
                *(known.size, known.modified, known.content, entry.digest),
                *(entry.state.value, entry.reason, json.dumps(entry.faults)),
                *(entry.frames, entry.seconds, self._version),
            ),
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block writes when it ends, also if it raises; raises FramelaneError."""
        with self._translated():
            self._database.execute("BEGIN")
        try:
            yield
        finally:
            with self._translated():
                self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the database, and let other runs use it."""
        self._database.close()
        self._lock.release()

    def _key(self, task: Task) -> str:
        """Return the outputs as text, as seen from the manifest: its folder may be moved."""
        return _relative(task.outputs, str(self.path.parent.absolute()))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise FramelaneError(
                f"{self.path}: cannot be used: {error}: give another file with --manifest, or "
                "delete it; all recordings are then done again"
            ) from error


def _source(task: Task) -> str:
    """Return the name of a recording, without credentials."""
    return printable(shown_url(task.recording.url))  # a name may be no Unicode


def _relative(outputs: Sequence[str], folder: str) -> str:
    return json.dumps([os.path.relpath(output, folder) for output in outputs])


def _refuse_other_file(path: Path) -> None:
    """Raise UsageError for a file that is no database, OSError if it cannot be written."""
    with path.open("a+b") as file:
        file.seek(0)
        if not _MAGIC.startswith(file.read(len(_MAGIC))):
            raise UsageError(f"{path}: it is no manifest: give another file with --manifest")


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            raise FramelaneError(
                f"{path}: a newer Framelane wrote it: give --manifest another file"
            )
        database.execute(_SCHEMA)
        database.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        database.close()
        raise
    return database
