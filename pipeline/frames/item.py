"""All that travels between stages, and the frames in it."""

from __future__ import annotations

from typing import TypeAlias

from pipeline.frames.batch import Batch, Inferred, InFlight, Ready
from pipeline.frames.fate import NotWritten, Ticket
from pipeline.frames.frame import Frame, Unnumbered
from pipeline.frames.result import Detected, Tracked

Item: TypeAlias = (
    Unnumbered
    | Frame
    | Ready
    | Batch
    | InFlight
    | Inferred
    | Detected
    | Tracked
    | Ticket
    | NotWritten
)


def tickets_of(item: Item) -> tuple[Ticket, ...]:
    """Return the tickets of the frames in `item`, oldest first: none may be lost unnoticed."""
    match item:
        case Unnumbered():
            return ()
        case Ticket():
            return (item,)
        case Frame() | NotWritten():
            return (item.ticket,)
        case Ready() | Batch():
            return tuple(frame.ticket for frame in item.frames)
        case InFlight() | Inferred():
            return tuple(frame.ticket for frame in item.batch.frames)
        case Detected() | Tracked():
            return (item.frame.ticket,)
