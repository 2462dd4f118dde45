"""What each transport still has to deliver, as its thread sees it.

A row is inserted in the transaction that stores the change of its event, so a row that can be read
is on the disk together with its event. It is deleted when the receiver has acknowledged it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from pipeline.events.record import Phase
from pipeline.store.database import open_to_read


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message to deliver.

    id: to acknowledge it by; never used for another row
    stream, uuid: of the event, or of the gap
    body: the event (`payload.event_json`) or the gap (`payload.gap_json`) as one line of JSON
    created_at: seconds since 1970
    """

    id: int
    stream: str
    uuid: str
    phase: Phase
    body: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a transport, and what it lost since its first run.

    oldest_at: seconds since 1970; None: nothing waits
    dropped: rows that were too many, too old or too large
    """

    rows: int
    bytes: int
    oldest_at: float | None
    dropped: int


class Acknowledgements(Protocol):
    """Takes note of delivered rows; the writer thread deletes them."""

    @property
    def unsettled(self) -> frozenset[int]:
        """The ids of acknowledged rows that may not be deleted yet."""

    def acknowledge(self, ids: Iterable[int]) -> None:
        """Delete rows soon; never waits."""


class Outbox:
    """Reads the rows of all transports; any thread may call it.

    A deliverer takes rows with `next_rows`, delivers them, and acknowledges each. What it has not
    acknowledged it gets again, also after a restart; so one with several rows on their way skips
    the ids that it has sent already. EventLog.on_committed tells when there are new rows.

    A row of the phase `gap` stands where rows of its stream were dropped. While it waits it may be
    replaced by one with a larger count, a new id and the same uuid.

    Raises StoreError if the database cannot be read.
    """

    def __init__(self, folder: Path, log: Acknowledgements) -> None:
        self._log = log
        self._lock = Lock()
        self._database = open_to_read(folder)

    def next_rows(
        self, transport: str, limit: int, without: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Return the oldest rows of a transport that are not acknowledged, in order.

        without: streams whose rows are not wanted now
        """
        settled = self._log.unsettled  # before the query: what is deleted meanwhile is not read
        statement = (
            "SELECT id, stream, uuid, phase, body, created_at FROM outbox"
            f" WHERE transport = ? AND stream NOT IN ({', '.join('?' * len(without))})"
            " ORDER BY position LIMIT ?"
        )
        with self._lock:
            rows = self._database.query(statement, (transport, *without, limit + len(settled)))
        return [
            OutboxRow(id_, stream, uuid, Phase(phase), body, created_at)
            for id_, stream, uuid, phase, body, created_at in rows
            if id_ not in settled
        ][:limit]

    def acknowledge(self, ids: Iterable[int]) -> None:
        """Delete rows that were delivered, soon and on the writer's thread; never waits."""
        self._log.acknowledge(ids)

    def backlog(self, transport: str) -> Backlog:
        """Return how much waits for a transport, and how many rows it lost."""
        with self._lock:
            ((rows, size, oldest_at),) = self._database.query(
                "SELECT count(*), coalesce(sum(bytes), 0), min(created_at) FROM outbox"
                " WHERE transport = ?",
                (transport,),
            )
            dropped = self._database.query(
                "SELECT dropped FROM transports WHERE name = ?", (transport,)
            )
        return Backlog(rows, size, oldest_at, dropped[0][0] if dropped else 0)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()
