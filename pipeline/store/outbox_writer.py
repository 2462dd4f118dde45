"""The writing side of the outbox: its bounds, and what is said about rows that were dropped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from sqlite3 import Connection
from typing import NamedTuple

from pipeline.events.payload import Gap, as_text, gap_from_json, gap_json
from pipeline.events.record import Phase, new_uuid
from pipeline.store.losses import Loss

_INSERT = """INSERT INTO outbox (transport, position, stream, uuid, phase, body, bytes, created_at)
VALUES (?, coalesce(?, 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)),
?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class OutboxBounds:
    """How much may wait for one transport; beyond that, the oldest rows are dropped.

    The defaults hold a week without a network at an event every 6 seconds, of about 700 bytes.
    """

    max_rows: int = 100_000
    max_bytes: int = 100_000_000
    max_seconds: float = 7 * 86400.0


class _Row(NamedTuple):
    id: int
    position: int
    stream: str
    bytes: int
    created_at: float


@dataclass(slots=True)
class _Load:
    """What waits for one transport, without gaps."""

    rows: int = 0
    bytes: int = 0


class OutboxWriter:
    """Changes the outbox within the transactions of its owner, on the writer's thread.

    transports: the bounds of each, by its name
    """

    def __init__(self, connection: Connection, transports: Mapping[str, OutboxBounds]) -> None:
        self._connection = connection
        self._transports = dict(transports)
        self.recount()

    @property
    def has_transports(self) -> bool:
        """Whether anything is to be delivered."""
        return bool(self._transports)

    def recount(self) -> None:
        """Count what waits; also after a transaction that was taken back."""
        counted = self._connection.execute(
            "SELECT transport, count(*), sum(bytes) FROM outbox WHERE phase != 'gap' GROUP BY 1"
        )
        self._loads = {name: _Load() for name in self._transports}
        self._loads |= {name: _Load(rows, size) for name, rows, size in counted}

    def insert(self, stream: str, uuid: str, phase: Phase, body: str, now: float) -> None:
        """Add a row for each transport."""
        size = len(body.encode())
        for name in self._transports:
            self._insert(name, None, stream, uuid, phase, body, now)
            self._loads[name].rows += 1
            self._loads[name].bytes += size

    def delete(self, ids: Iterable[int]) -> None:
        """Delete acknowledged rows; unknown ids are ignored."""
        for id_ in ids:
            row = self._connection.execute(
                "SELECT transport, phase, bytes FROM outbox WHERE id = ?", (id_,)
            ).fetchone()
            if row:
                self._delete(id_)
                if row[1] != Phase.GAP.value:
                    self._loads[row[0]].rows -= 1
                    self._loads[row[0]].bytes -= row[2]

    def announce(self, loss: Loss, now: float) -> None:
        """Tell every transport of changes that never reached its outbox."""
        for name in self._transports:
            gap = Gap(new_uuid(), loss.stream, loss.count, loss.since, loss.until)
            self._insert_gap(name, None, gap, now)
            self._count(name, loss.count)

    def enforce(self, now: float) -> int:
        """Drop the oldest rows beyond the bounds, and return how many."""
        return sum(
            self._enforce(name, bounds, self._loads[name], now)
            for name, bounds in self._transports.items()
        )

    def _enforce(self, name: str, bounds: OutboxBounds, load: _Load, now: float) -> int:
        dropped = []
        for row in self._oldest(name):
            if (
                load.rows <= bounds.max_rows
                and load.bytes <= bounds.max_bytes
                and now - row.created_at <= bounds.max_seconds
            ):
                break
            dropped.append(row)
            load.rows -= 1
            load.bytes -= row.bytes
        by_stream = sorted(dropped, key=lambda row: row.stream)
        for stream, rows in groupby(by_stream, key=lambda row: row.stream):
            self._drop(name, stream, list(rows), now)
        if dropped:
            self._count(name, len(dropped))
        return len(dropped)

    def _oldest(self, name: str) -> Iterator[_Row]:
        """Yield the rows of a transport, the oldest first; gaps are never dropped."""
        found = self._connection.execute(
            "SELECT id, position, stream, bytes, created_at FROM outbox"
            " WHERE transport = ? AND phase != 'gap' ORDER BY position",
            (name,),
        )
        return (_Row(*row) for row in found)

    def _drop(self, name: str, stream: str, rows: list[_Row], now: float) -> None:
        """Replace the oldest rows of a stream, and the gaps among them, by one gap."""
        position = rows[-1].position
        gap = Gap(new_uuid(), stream, len(rows), rows[0].created_at, rows[-1].created_at)
        before = self._connection.execute(
            "SELECT id, body FROM outbox WHERE transport = ? AND stream = ? AND phase = 'gap'"
            " AND position <= ? ORDER BY position DESC",
            (name, stream, position),
        ).fetchall()
        for id_, body in before:
            gap = _joined(gap_from_json(json.loads(body)), gap)
            self._delete(id_)
        for row in rows:
            self._delete(row.id)
        self._insert_gap(name, position, gap, now)

    def _insert_gap(self, name: str, position: int | None, gap: Gap, now: float) -> None:
        body = as_text(gap_json(gap))
        self._insert(name, position, gap.stream, gap.uuid, Phase.GAP, body, now)

    def _insert(
        self,
        name: str,
        position: int | None,
        stream: str,
        uuid: str,
        phase: Phase,
        body: str,
        now: float,
    ) -> None:
        size = len(body.encode())
        values = (name, position, stream, uuid, phase.value, body, size, now)
        self._connection.execute(_INSERT, values)

    def _delete(self, id_: int) -> None:
        self._connection.execute("DELETE FROM outbox WHERE id = ?", (id_,))

    def _count(self, name: str, dropped: int) -> None:
        self._connection.execute(
            "INSERT INTO transports (name, dropped) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET dropped = dropped + excluded.dropped",
            (name, dropped),
        )


def _joined(first: Gap, then: Gap) -> Gap:
    """Return one gap for two, with the uuid of the first."""
    return Gap(
        first.uuid,
        first.stream,
        first.dropped + then.dropped,
        min(first.since, then.since),
        max(first.until, then.until),
    )
