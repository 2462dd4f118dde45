"""To look at a frame or to let it rest: the rule, as a function of what is known."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.frames.decision import Decision, Reason

LEARNING_INTERVAL = 0.12  # seconds between looks while nothing can be judged
NEW_INTERVAL = 0.04  # seconds between looks at new movement, for its worth
CLOCK_ERROR = 0.004  # seconds: frame times are rounded, and a frame later is one too late


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a frame arrives.

    elapsed: seconds since the last look; infinite before the first
    under_way: the result of a look is awaited
    learning, change: of the background, see Movement
    movement: seconds after the last look when what moves and no track explains must be looked at;
        None if nothing does
    doubt: seconds after the last look when what it found, but not surely enough, must be looked at
        again; infinite without such
    expected: something moves that is tracked
    track: seconds after the last look when a track must be looked at; infinite without tracks
    max_rest: seconds
    """

    elapsed: float
    under_way: bool = False
    learning: bool = False
    change: bool = False
    movement: float | None = None
    doubt: float = float("inf")
    expected: bool = False
    track: float = float("inf")
    max_rest: float = 1.0


def decide(now: Situation) -> Decision:
    """Return whether to look at the frame."""
    if now.under_way:
        return Decision(Reason.UNDER_WAY)
    intervals = {Reason.AGE: now.max_rest, Reason.TRACK: now.track, Reason.DOUBT: now.doubt}
    if now.learning:
        intervals[Reason.LEARNING] = LEARNING_INTERVAL
    if now.change:
        intervals[Reason.CHANGE] = LEARNING_INTERVAL
    if now.movement is not None:
        intervals[Reason.MOVEMENT] = max(now.movement, NEW_INTERVAL)
    reason = min(intervals, key=intervals.__getitem__)
    worth = (now.elapsed + CLOCK_ERROR) / intervals[reason]
    if worth >= 1:
        return Decision(reason, worth, intervals[reason])
    if now.movement is not None:
        return Decision(Reason.FRUITLESS)
    return Decision(Reason.EXPECTED if now.expected else Reason.QUIET)
