"""What the ledger keeps of a frame: its identity, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Ticket:
    """The identity of a frame in the ledger; it outlives the pixels."""

    stream: str
    index: int
    captured_at: float


class Fate(Enum):
    """How a frame ended. Where several sinks disagree, the highest value counts."""

    DROPPED = 1  # left out on purpose: by stride, by overflow
    EMITTED = 2  # written by at least one sink
    FAILED = 3  # lost: a stage broke, or the run was cancelled, while it held the frame


@dataclass(frozen=True, slots=True)
class NotWritten:
    """A frame that a sink did not write.

    reason: in words
    fate: DROPPED if it was left out on purpose, FAILED if it was lost
    """

    ticket: Ticket
    reason: str
    fate: Fate = Fate.DROPPED
