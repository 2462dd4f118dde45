"""What tests of the delivery share: events, an outbox in memory, validators of payloads."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from functools import cache
from pathlib import Path
from threading import Condition
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import pipeline.delivery
from pipeline.events.payload import SCHEMAS, as_text, event_json
from pipeline.events.record import EventKind, EventRecord, Moment, Phase, new_uuid
from pipeline.store.outbox import Backlog, OutboxRow
from tests.support.cameras import CAP

OWN_SCHEMAS = Path(pipeline.delivery.__file__).with_name("schemas")


def an_event(stream: str = "door", sequence: int = 1, **changes: Any) -> EventRecord:
    """Return an event; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "stream": stream,
        "kind": EventKind.OBJECT,
        "start": Moment(90_000, 1.0, 1_795_000_000.0),
        "uuid": new_uuid(),
        "sequence": sequence,
        "class_name": "person",
        "track": 7,
        "score": 0.9,
        "box": (1.0, 2.0, 3.0, 4.0),
    }
    return EventRecord(**fields | changes)


def a_row(row: int, stream: str = "door", phase: Phase = Phase.START) -> OutboxRow:
    """Return a row of the outbox."""
    event = an_event(stream, row)
    return OutboxRow(row, stream, event.uuid, phase, as_text(event_json(event)), 1_795_000_000.0)


class MemoryOutbox:
    """An outbox in memory, as the store's one is seen by a deliverer."""

    def __init__(self, rows: Iterable[OutboxRow] = ()) -> None:
        self.rows = list(rows)
        self.changed = Condition()
        self.failure: Exception | None = None

    def next_rows(
        self, transport: str, limit: int, without: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Return the oldest rows."""
        with self.changed:
            if self.failure:
                raise self.failure
            return [row for row in self.rows if row.stream not in without][:limit]

    def acknowledge(self, ids: Iterable[int]) -> None:
        """Delete rows."""
        known = set(ids)
        with self.changed:
            self.rows = [row for row in self.rows if row.id not in known]
            self.changed.notify_all()

    def backlog(self, transport: str) -> Backlog:
        """Return how much waits."""
        with self.changed:
            if self.failure:
                raise self.failure
            return Backlog(len(self.rows), 0, None, 0)

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for something that rows are acknowledged for."""
        with self.changed:
            assert self.changed.wait_for(true, CAP), f"{len(self.rows)} rows are left"

    def wait_empty(self) -> None:
        """Wait until everything is delivered."""
        self.wait_until(lambda: not self.rows)


@cache
def validator(name: str) -> Draft202012Validator:
    """Return the validator of one of our schemas: `envelope`, `state`, `counts` and so on."""
    schemas = {
        path.name: json.loads(path.read_text())
        for folder in (SCHEMAS, OWN_SCHEMAS)
        for path in folder.glob("*.json")
    }
    resources = [(each, Resource.from_contents(schemas[each])) for each in schemas]
    registry: Registry[Any] = Registry().with_resources(resources)
    Draft202012Validator.check_schema(schemas[f"{name}.json"])
    return Draft202012Validator(schemas[f"{name}.json"], registry=registry)
