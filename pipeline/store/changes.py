"""What the writer thread can be asked to store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pipeline.events.record import ClipState, EventRecord, Phase
from pipeline.store.segments import Segment


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


@dataclass(frozen=True, slots=True)
class SnapshotChange:
    """An event has a picture, or a better one. It is not a message of its own."""

    uuid: str
    snapshot: str


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """A segment was begun or completed."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class SegmentRemoval:
    """A segment was deleted."""

    path: str


Change: TypeAlias = EventChange | ClipChange | SnapshotChange | SegmentChange | SegmentRemoval
