"""Where pictures come from: one protocol, one file each, one table of names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from detector.errors import FramelaneError
from pipeline.frame import Picture, Stream, Ticket


class SourceError(FramelaneError):
    """A source that cannot be opened or read: one line that says which, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture as its source gave it: not yet counted, its time not yet repaired.

    pts: in units of `time_base`, None where the source gave none
    captured_at: `time.monotonic()` seconds of arrival
    """

    pts: int | None
    time_base: Fraction
    captured_at: float
    picture: Picture = field(repr=False)

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """None yet: the ledger hears of a picture when it becomes a Frame (see Item)."""
        return ()


class Source(Protocol):
    """Pictures in the order of their display, read on one thread."""

    faults: list[str]  # what the decoder complained of, a line each that says where

    def open(self) -> Stream:
        """Open what the source reads, or raise SourceError."""

    def __iter__(self) -> Iterator[Decoded]:
        """Yield every picture that decodes; after `stop`, end soon."""

    def stop(self) -> None:
        """Ask for an early end, from any thread, also before `open`."""

    def close(self) -> None:
        """Release everything. Always called, also after a failure."""
