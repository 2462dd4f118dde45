"""Deletion of the oldest events with their clips and snapshots, beside a run that writes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import inf
from pathlib import Path
from threading import Event, Thread
from time import monotonic, time

from detector.errors import FramelaneError
from pipeline.events.sidecar import sidecar_path
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.store.database import Database, StoreError, failures_of, open_to_write

FOLDERS = ("clips", "snapshots")  # in the folder of the events
BATCH = 500  # events in one transaction: the writer of a run waits for some 10 milliseconds
SMALL_BATCH = 10  # events, where files are deleted until the rest fits
MIN_PAUSE = 0.01  # seconds between transactions
FREED_PAGES = 200  # of the database, at most, that one transaction returns to the file system
PERIOD_SECONDS = 60.0


@dataclass(slots=True)
class Pruned:
    """What was deleted; bytes: of the files."""

    events: int = 0
    clips: int = 0
    snapshots: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Old:
    id: int
    clip: str | None
    snapshot: str | None


def prune(
    folder: Path,
    keep_seconds: float | None,
    keep_bytes: int | None,
    *,
    now: float | None = None,
    stop: Event | None = None,
) -> Pruned:
    """Delete the events that ended and were noted before a time, then the oldest until files fit.

    keep_seconds: since an event ended, and since the store heard of it, which for a recording is
        long after; keep_bytes: of all clips and snapshots in the folder.
        None: no limit
    stop: when it is set, the rest is left for the next time
    Events that go on, and those whose clip is still written, are kept. Raises StoreError, also if a
    file cannot be deleted.
    """
    done, stop = Pruned(), stop or Event()
    with closing(open_to_write(folder)) as database, failures_of(database.path):
        if keep_seconds is not None:
            limit = (time() if now is None else now) - keep_seconds
            while not stop.is_set() and (batch := _oldest(database, limit, BATCH)):
                _delete(database, folder, batch, done, stop)
        if keep_bytes is not None:
            goal = done.bytes + _size(folder) - keep_bytes
            while done.bytes < goal and not stop.is_set():
                batch = _oldest(database, inf, SMALL_BATCH)
                if not batch:
                    break
                _delete(database, folder, batch, done, stop)
    return done


class Pruning:
    """Prunes the store of a run at once and then every minute, until `close`.

    It has a thread and a connection of its own, so that deleting large files delays no event.

    folder, keep_seconds, keep_bytes: as for `prune`
    """

    def __init__(self, folder: Path, keep_seconds: float | None, keep_bytes: int | None) -> None:
        self._limits = (folder, keep_seconds, keep_bytes)
        self._log = RateLimitedLog("events")
        self._closed = Event()
        self._thread = Thread(target=self._run, name="events/prune")
        self._thread.start()

    def close(self) -> None:
        """End after the current transaction."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                prune(*self._limits, stop=self._closed)
            except FramelaneError as error:
                self._log.log(logging.WARNING, f"old events cannot be deleted: {error}", "prune")
            if self._closed.wait(PERIOD_SECONDS):
                return


def _oldest(database: Database, limit: float, count: int) -> list[_Old]:
    rows = database.query(
        "SELECT id, clip, snapshot FROM events WHERE noted_wall < ? AND end_wall < ?"
        " AND clip_state != 'pending' ORDER BY noted_wall, start_wall LIMIT ?",
        (limit, limit, count),
    )
    return [_Old(*row) for row in rows]


def _delete(
    database: Database, folder: Path, batch: Sequence[_Old], done: Pruned, stop: Event
) -> None:
    """Delete the files before the rows: what a killed prune leaves is found by the next one."""
    began_at = monotonic()
    ids = [old.id for old in batch]
    for clip in {old.clip for old in batch if old.clip}:
        if not _is_shared(database, clip, ids):
            done.clips += _remove(folder, clip, done)
            _remove(folder, str(sidecar_path(Path(clip))), done)
    for snapshot in {old.snapshot for old in batch if old.snapshot}:
        done.snapshots += _remove(folder, snapshot, done)
    with database.transaction() as connection:
        connection.executemany("DELETE FROM events WHERE id = ?", [(id_,) for id_ in ids])
    # `execute` would stop after the first page
    database.connection.executescript(f"PRAGMA incremental_vacuum({FREED_PAGES})")
    done.events += len(batch)
    stop.wait(max(MIN_PAUSE, monotonic() - began_at))  # half of the time is the writer's


def _is_shared(database: Database, clip: str, ids: Sequence[int]) -> bool:
    """Return whether events that stay are in the same clip."""
    rows = database.query("SELECT id FROM events WHERE clip = ?", (clip,))
    return any(row[0] not in ids for row in rows)


def _remove(folder: Path, name: str, done: Pruned) -> bool:
    """Delete a file of the events; return whether it was there.

    Names come from the store and from sidecars, so they may lead anywhere.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        return False
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{path} cannot be deleted: {error.strerror}") from error
    done.bytes += size
    return True


def _size(folder: Path) -> int:
    return sum(size for name in FOLDERS for size in _sizes(folder / name))


def _sizes(folder: Path) -> Iterator[int]:
    for parent, _, files in os.walk(folder):
        for name in files:
            try:
                yield os.stat(os.path.join(parent, name)).st_size
            except FileNotFoundError:  # deleted, or renamed to its final name, meanwhile
                continue
