"""A message to a receiver: a row of the outbox in its envelope."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pipeline.events.payload import as_text
from pipeline.events.record import SCHEMA_VERSION
from pipeline.store.outbox import OutboxRow


@dataclass(frozen=True, slots=True)
class Message:
    """One message, the same bytes in every attempt.

    row: number of its row in the outbox
    id: the same in every repeat of this message, and in no other message
    body: an object of JSON, see `schemas/envelope.json`
    """

    row: int
    stream: str
    id: str
    body: bytes = field(repr=False)


def message_of(row: OutboxRow) -> Message:
    """Return the message that delivers a row."""
    event: dict[str, Any] = json.loads(row.body)
    # An event has several messages, so that its UUID alone does not tell repeats.
    identity = f"{row.uuid}-{row.id}"
    envelope = {
        "schema": SCHEMA_VERSION,
        "message": identity,
        "type": row.phase.value,
        "id": row.uuid,
        "sequence": event.get("sequence"),
        "camera": row.stream,
        "event": event,
    }
    return Message(row.id, row.stream, identity, as_text(envelope).encode())
