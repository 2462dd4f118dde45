"""The writer thread of a run's store: it takes changes at once, and commits them in groups."""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from threading import Condition, Thread
from time import monotonic, time
from traceback import format_exception
from typing import TypeAlias

from pipeline.events.record import ClipState, EventRecord, Phase
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.store.changes import (
    Change,
    ClipChange,
    EventChange,
)
from pipeline.store.database import described, is_damage
from pipeline.store.event_store import EventStore
from pipeline.store.losses import Losses
from pipeline.store.outbox_writer import OutboxBounds

log = logging.getLogger("framelane")

MAX_WAITING = 10_000  # changes: about 10 MB, and minutes of a busy site while a disk is full
GROUP_SIZE = 500  # changes in one transaction: a few milliseconds during which prune must wait
GROUP_SECONDS = 0.05  # at most 20 flushes of the disk a second, which also an SD card takes
RETRY_SECONDS = 1.0
TIDY_SECONDS = 60.0  # between two looks at the age of what waits in the outbox
CLOSE_SECONDS = 2.0

Listener: TypeAlias = Callable[[Sequence[EventChange]], None]


@dataclass(frozen=True, slots=True)
class LogFigures:
    """Changes so far: stored, waiting for the disk, and lost because it could not be written."""

    stored: int
    waiting: int
    lost: int


class EventLog:
    """Stores what happened; its thread runs from the constructor until `close`.

    No method waits for the disk except `flush` and `close`; all may be called on any thread.
    While the disk is full or the database is locked, changes wait in memory and are tried again.
    Beyond `max_waiting` the oldest are lost, updates before starts and ends; they are counted, one
    line of the log tells of them, and so does a gap in the outbox.

    folder: of the events; transports: the bounds of each transport's outbox, by its name
    Raises StoreError if the store cannot be used or another run uses it.
    """

    def __init__(
        self,
        folder: Path,
        transports: Mapping[str, OutboxBounds] | None = None,
        *,
        max_waiting: int = MAX_WAITING,
        group_seconds: float = GROUP_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._folder = folder
        self._store = EventStore(folder, transports or {}, now=time())
        self._max_waiting = max_waiting
        self._group_seconds = group_seconds
        self._retry_seconds = retry_seconds
        self._log = RateLimitedLog("events")
        self._changed = Condition()
        self._waiting: deque[Change] = deque()
        self._group: list[Change] = []  # is being committed, or is tried again
        self._one_by_one = 0  # so many of the next changes, because one of them is refused
        self._delivered: set[int] = set()  # ids of outbox rows to delete
        self._losses = Losses()
        self._told, self._told_at = 0, -inf  # losses in the last line about them, and its time
        self._stored = 0
        self._listeners: list[Listener] = []
        self._close_at: float | None = None  # `monotonic()` seconds
        self._thread = Thread(target=self._run, name="events/store")
        self._thread.start()

    def put(self, record: EventRecord, phase: Phase) -> None:
        """Store an event that is new or changed; after `close` it is ignored."""
        self._put(EventChange(record, phase))

    def clip_settled(
        self, uuid: str, state: ClipState, clip: str | None = None, reason: str | None = None
    ) -> None:
        """Store that the clip of an event is ready (its path) or failed (the reason)."""
        self._put(ClipChange(uuid, state, clip, reason))

    def acknowledge(self, ids: Iterable[int]) -> None:
        """Delete rows of the outbox that were delivered."""
        with self._changed:
            self._delivered.update(ids)
            self._changed.notify_all()

    @property
    def unsettled(self) -> frozenset[int]:
        """The ids of acknowledged rows that may not be deleted yet."""
        with self._changed:
            return frozenset(self._delivered)

    def on_committed(self, listener: Listener) -> None:
        """Call `listener` on the writer's thread after each commit.

        It gets the events as they are stored, which may be none. They are on the disk and in the
        outbox. It must not wait.
        """
        with self._changed:
            self._listeners.append(listener)

    @property
    def figures(self) -> LogFigures:
        """How many changes were stored, wait and were lost."""
        with self._changed:
            waiting = len(self._waiting) + len(self._group)
            return LogFigures(self._stored, waiting, self._losses.total)

    def flush(self, seconds: float) -> bool:
        """Wait until nothing waits for the disk, and return whether that was within `seconds`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._waiting or self._group or self._delivered), seconds
            )

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Store what waits, for at most `seconds`, and end the thread. May be repeated."""
        with self._changed:
            if self._close_at is None:
                self._close_at = monotonic() + seconds
            self._changed.notify_all()
        self._thread.join(seconds + CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("events: the disk does not answer; the latest events may not be stored")

    def _put(self, change: Change) -> None:
        with self._changed:
            if self._close_at is not None:
                return
            self._waiting.append(change)
            if len(self._waiting) + len(self._group) > self._max_waiting:
                self._losses.add(self._sacrifice(), time())
            self._changed.notify_all()

    def _sacrifice(self) -> Change:
        """Take out the change that is missed least."""
        updates = (
            index
            for index, change in enumerate(self._waiting)
            if isinstance(change, EventChange) and change.phase is Phase.UPDATE
        )
        index = next(updates, 0)
        change = self._waiting[index]
        del self._waiting[index]
        return change

    def _run(self) -> None:
        try:
            while self._take_group():
                self._commit()
        finally:
            self._store.close()

    def _take_group(self) -> bool:
        """Wait for work and take it; return False when all is done or the time to close is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_work() or self._is_closing, TIDY_SECONDS)
            self._changed.wait_for(
                lambda: self._is_closing or len(self._waiting) >= GROUP_SIZE, self._group_seconds
            )
            if self._is_closing and (not self._has_work() or self._is_too_late):
                self._report_losses()
                return False
            size = 1 if self._one_by_one else GROUP_SIZE
            while self._waiting and len(self._group) < size:
                self._group.append(self._waiting.popleft())
            return True

    def _has_work(self) -> bool:
        return bool(self._waiting or self._group or self._delivered)

    @property
    def _is_closing(self) -> bool:
        return self._close_at is not None

    @property
    def _is_too_late(self) -> bool:
        return self._close_at is not None and monotonic() >= self._close_at

    def _commit(self) -> None:
        """Commit the group, or keep it for the next time."""
        with self._changed:
            delivered = frozenset(self._delivered)
            losses = self._losses.unannounced()
        try:
            stored = self._store.write(self._group, delivered, losses, time())
        except Exception as error:
            if isinstance(error, sqlite3.OperationalError) or is_damage(error):
                self._pause(error)
            else:
                self._refuse(error)
            return
        with self._changed:
            self._stored += len(self._group)
            self._one_by_one = max(0, self._one_by_one - len(self._group))
            self._group = []
            self._delivered -= delivered
            self._losses.announced(losses)
            self._changed.notify_all()
            listeners = list(self._listeners)
        self._tell()
        for listener in listeners:
            self._call(listener, stored)

    def _pause(self, error: Exception) -> None:
        """Wait before the group is tried again; the group stays."""
        what = described(error, self._folder)
        self._log.log(
            logging.WARNING,
            f"{self._store.path} {what}; up to {self._max_waiting} changes wait in memory",
            kind=what,
        )
        with self._changed:
            if self._is_closing:
                self._changed.wait(0.1)
            else:
                self._changed.wait_for(lambda: self._is_closing, self._retry_seconds)

    def _refuse(self, error: Exception) -> None:
        """Find the change that cannot be stored, and lose only that one."""
        with self._changed:
            if len(self._group) > 1:
                self._one_by_one = len(self._group)
                self._waiting.extendleft(reversed(self._group[1:]))
                del self._group[1:]
                return
            self._one_by_one = max(0, self._one_by_one - 1)
            if not self._group:  # an id that is none
                self._delivered.clear()
            for change in self._group:
                self._losses.add(change, time())
            self._group = []
            self._changed.notify_all()
        block = "".join(format_exception(error))
        self._log.log(logging.ERROR, "a change cannot be stored", "refused", block)

    def _report_losses(self) -> None:
        """Say what is lost because the run ends."""
        for change in (*self._group, *self._waiting):
            self._losses.add(change, time())
        self._group = []
        self._waiting.clear()
        self._tell(-inf)
        self._changed.notify_all()

    def _tell(self, pause: float = TIDY_SECONDS) -> None:
        """Log how much is lost, unless that was done less than `pause` seconds ago."""
        lost = self._losses.total
        if lost > self._told and monotonic() - self._told_at > pause:
            log.error("events: changes lost because they could not be stored: %s", lost)
            self._told, self._told_at = lost, monotonic()

    @staticmethod
    def _call(listener: Listener, stored: Sequence[EventChange]) -> None:
        try:
            listener(stored)
        except Exception:  # a bug of a listener must not end the storing of events
            log.exception("events: a listener failed")
