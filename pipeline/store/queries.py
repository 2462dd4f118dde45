"""Reading the store: filters, pages and counts, beside the process that writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from detector.errors import UsageError
from pipeline.events.record import EventKind, EventRecord
from pipeline.store.database import Database, open_to_read
from pipeline.store.event_rows import NAMES, event_of

PAGE = 1000  # events that are read at once where all are wanted
MAX_NAMED = 5  # events that a message about an ambiguous prefix names


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; None: any.

    since, until: the start of an event, seconds since 1970, `until` excluded
    place: name of a zone or line
    min_score: excludes events without a score, such as lost cameras
    open: True: events that go on; False: events that have ended
    """

    since: float | None = None
    until: float | None = None
    stream: str | None = None
    class_name: str | None = None
    place: str | None = None
    kind: EventKind | None = None
    min_score: float | None = None
    open: bool | None = None

    def conditions(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield conditions of SQL, with their values."""
        pairs = (
            ("start_wall >= ?", self.since),
            ("start_wall < ?", self.until),
            ("stream = ?", self.stream),
            ("class = ?", self.class_name),
            ("place = ?", self.place),
            ("kind = ?", self.kind.value if self.kind else None),
            ("score >= ?", self.min_score),
        )
        yield from ((condition, (value,)) for condition, value in pairs if value is not None)
        if self.open is not None:
            yield f"end_wall IS {'NULL' if self.open else 'NOT NULL'}", ()


class Position(NamedTuple):
    """Where a page ends; the next one begins there, whatever was inserted or deleted meanwhile."""

    start_wall: float
    id: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the events. next: where the next page begins; None: this is the last."""

    events: list[EventRecord]
    next: Position | None


class EventReader:
    """Reads the store in a folder; used by one thread at a time.

    Raises UsageError if there is no store, and StoreError if it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database: Database = open_to_read(folder)

    def page(
        self,
        wanted: EventFilter,
        limit: int,
        after: Position | None = None,
        *,
        oldest_first: bool = False,
    ) -> Page:
        """Return the next `limit` events, by their start, the newest first.

        after: the end of the page before; None: the first page
        """
        order, beyond = ("ASC", ">") if oldest_first else ("DESC", "<")
        conditions = list(wanted.conditions())
        if after is not None:
            conditions.append((f"(start_wall, id) {beyond} (?, ?)", tuple(after)))
        where, values = _where(conditions)
        rows = self._database.query(
            f"SELECT id, {NAMES} FROM events{where}"
            f" ORDER BY start_wall {order}, id {order} LIMIT ?",
            (*values, limit + 1),
        )
        events = [event_of(row[1:]) for row in rows[:limit]]
        last = Position(events[-1].start.wall, rows[limit - 1][0]) if len(rows) > limit else None
        return Page(events, last)

    def all(self, wanted: EventFilter) -> Iterator[EventRecord]:
        """Yield events, the oldest first, in pages: no long read keeps the write-ahead log."""
        after: Position | None = None
        while True:
            page = self.page(wanted, PAGE, after, oldest_first=True)
            yield from page.events
            if page.next is None:
                return
            after = page.next

    def count(self, wanted: EventFilter) -> int:
        """Return the number of events."""
        where, values = _where(list(wanted.conditions()))
        number: int = self._database.query(f"SELECT count(*) FROM events{where}", values)[0][0]
        return number

    def find(self, prefix: str) -> EventRecord:
        """Return the event whose UUID begins with `prefix`; raises UsageError unless it is one."""
        beginning = prefix.lower()
        rows = self._database.query(
            f"SELECT {NAMES} FROM events WHERE uuid >= ? AND uuid < ? ORDER BY uuid LIMIT ?",
            (beginning, f"{beginning}~", MAX_NAMED + 1),
        )
        if not rows:
            raise UsageError(
                f"no event has a UUID that begins with '{prefix}': "
                f"`framelane events list --folder {self._folder}` shows them"
            )
        if len(rows) > 1:
            some = ", ".join(row[0] for row in rows[:MAX_NAMED])
            more = ", ..." if len(rows) > MAX_NAMED else ""
            raise UsageError(
                f"several events have a UUID that begins with '{prefix}': give more of it: "
                f"{some}{more}"
            )
        return event_of(rows[0])

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _where(conditions: list[tuple[str, tuple[Any, ...]]]) -> tuple[str, tuple[Any, ...]]:
    text = " AND ".join(condition for condition, _ in conditions)
    values = tuple(value for _, values in conditions for value in values)
    return (f" WHERE {text}" if text else ""), values
