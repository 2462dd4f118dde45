"""To look at a frame or to let it rest: the rule, as a function of what is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Why a frame is looked at, or rests."""

    LEARNING = "learning"  # the background is not known yet
    CHANGE = "change"  # most of the picture changed at once
    MOVEMENT = "movement"  # something moves that no track explains
    TRACK = "track"  # the position of a track can no longer be trusted
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
    """

    reason: Reason
    worth: float = 0.0

    @property
    def looks(self) -> bool:
        """Whether the frame is looked at."""
        return self.reason not in RESTS


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a frame arrives.

    elapsed: seconds since the last look; infinite before the first
    under_way: the result of a look is awaited
    learning, change: of the background, see Movement
    movement: seconds after the last look when what moves and no track explains must be looked at;
        None if nothing does
    expected: something moves that is tracked
    track: seconds after the last look when a track must be looked at; infinite without tracks
    max_rest: seconds
    """

    elapsed: float
    under_way: bool = False
    learning: bool = False
    change: bool = False
    movement: float | None = None
    expected: bool = False
    track: float = float("inf")
    max_rest: float = 1.0


LEARNING_INTERVAL = 0.12  # seconds between looks while nothing can be judged
NEW_INTERVAL = 0.04  # seconds between looks at new movement, for its worth
CLOCK_ERROR = 0.004  # seconds: frame times are rounded, and a frame later is one too late


def decide(now: Situation) -> Decision:
    """Return whether to look at the frame."""
    if now.under_way:
        return Decision(Reason.UNDER_WAY)
    intervals = {Reason.AGE: now.max_rest, Reason.TRACK: now.track}
    if now.learning:
        intervals[Reason.LEARNING] = LEARNING_INTERVAL
    if now.change:
        intervals[Reason.CHANGE] = LEARNING_INTERVAL
    if now.movement is not None:
        intervals[Reason.MOVEMENT] = max(now.movement, NEW_INTERVAL)
    reason = min(intervals, key=intervals.__getitem__)
    worth = (now.elapsed + CLOCK_ERROR) / intervals[reason]
    if worth >= 1:
        return Decision(reason, worth)
    if now.movement is not None:
        return Decision(Reason.FRUITLESS)
    return Decision(Reason.EXPECTED if now.expected else Reason.QUIET)
