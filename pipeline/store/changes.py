"""What the writer thread can be asked to store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pipeline.events.record import ClipState, EventRecord, Phase


@dataclass(frozen=True, slots=True)
class EventChange:
    """An event that is new, or changed."""

    record: EventRecord
    phase: Phase


@dataclass(frozen=True, slots=True)
class ClipChange:
    """The clip of an event is ready, or failed for a reason."""

    uuid: str
    state: ClipState
    clip: str | None
    reason: str | None


Change: TypeAlias = EventChange | ClipChange
