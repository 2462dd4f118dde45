"""One decoded picture with its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import inf

from pipeline.frames.decision import Decision
from pipeline.frames.fate import Ticket
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream


class Unnumbered:
    """A picture that is not a frame yet, so that the ledger does not know it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture and its time.

    index: position in the source, counted from 0 before any drop
    pts: as the container gave it, in units of `time_base`; None if it gave none
    ticks: `pts`, repaired where it was missing or did not increase (see `stages.frame_clock`)
    captured_at: `time.monotonic()` seconds of capture if it is known, else of arrival
    scene: frames with the same number belong together; a new one begins after a lost connection
        and when the size of the video changes
    expires_at: `time.monotonic()` seconds after which the frame is too old to be of use
    decision: whether the engine looks at it; None if it looks at every frame of the stream
    shadow: what the decision would be, of a stream that only notes what attention would miss
    """

    stream: Stream
    index: int
    pts: int | None
    ticks: int
    time_base: Fraction
    captured_at: float
    picture: Picture = field(repr=False)
    scene: int = 0
    expires_at: float = inf
    decision: Decision | None = None
    shadow: Decision | None = None

    @property
    def rests(self) -> bool:
        """Whether the engine does not look at it: its tracks are predicted, not observed."""
        return self.decision is not None and not self.decision.looks

    @property
    def time(self) -> Fraction:
        """Seconds since zero on the clock of the source, exactly."""
        return self.ticks * self.time_base

    @property
    def ticket(self) -> Ticket:
        """The frame's identity in the ledger."""
        return Ticket(self.stream.name, self.index, self.captured_at)
