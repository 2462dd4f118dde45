"""What the detection of events hands on, and who takes it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from pipeline.events.record import EventRecord, Phase
from pipeline.frames.result import Tracked


class Change(NamedTuple):
    """An event that is new or changed."""

    record: EventRecord
    phase: Phase


class EventReceiver(Protocol):
    """Takes the changes of all streams, on any thread; `pipeline.store` has one."""

    def put(self, record: EventRecord, phase: Phase) -> None:
        """Take over a change; never waits for the disk."""


class FrameObserver(Protocol):
    """Hears of the frames in which events are looked for; `pipeline.clips` has one."""

    def observe(self, item: Tracked) -> None:
        """Hear of a frame, after the changes that it brought."""

    def ended(self, stream: str) -> None:
        """Hear that a stream has ended, after its last change."""
