"""Whether the engine looks at a frame, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Reason(Enum):
    """Why a frame is looked at, or rests."""

    LEARNING = "learning"  # the background is not known yet
    CHANGE = "change"  # most of the picture changed at once
    MOVEMENT = "movement"  # something moves that no track explains
    TRACK = "track"  # the position of a track can no longer be trusted
    DOUBT = "doubt"  # the last look found something, but not surely enough for a track
    AGE = "age"  # the last look is older than `max_rest_seconds`
    SAMPLE = "sample"  # a rest that is looked at all the same, to know what rests miss

    QUIET = "quiet"  # nothing moves
    EXPECTED = "expected"  # only what is tracked moves
    FRUITLESS = "fruitless"  # something moves in which a look has found nothing
    UNDER_WAY = "under way"  # the result of a look is awaited
    BUSY = "busy"  # a look was due, but the engine had no time for this frame


RESTS = (Reason.QUIET, Reason.EXPECTED, Reason.FRUITLESS, Reason.UNDER_WAY, Reason.BUSY)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the engine looks at a frame.

    reason: the most urgent one
    worth: of the look: how many times over it is due; grows with time, so that no stream starves
    interval: seconds in which the worth grows by 1
    """

    reason: Reason
    worth: float = 0.0
    interval: float = 1.0

    @property
    def looks(self) -> bool:
        """Whether the frame is looked at."""
        return self.reason not in RESTS

    def later(self, seconds: float) -> Decision:
        """Return the decision if it is carried out on a frame that comes `seconds` later."""
        return replace(self, worth=self.worth + seconds / self.interval)
