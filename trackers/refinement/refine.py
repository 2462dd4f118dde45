"""Refinement of a finished recording: each step uses what a tracker cannot know yet."""

from __future__ import annotations

from collections.abc import Callable

from trackers.motchallenge.history import History
from trackers.motchallenge.text import MotResult
from trackers.refinement.both_ways import completed
from trackers.refinement.links import linked
from trackers.refinement.smoothing import smoothed
from trackers.tracks import Tracker


def refined(history: History, make: Callable[[], Tracker]) -> MotResult:
    """Return the tracks of one scene, and how each box was obtained.

    make: returns a new tracker
    """
    forward = history.tracked(make())
    backward = history.tracked_backwards(make())
    both = completed(
        forward, backward, history.seconds_of(forward.frames), history.seconds_of(backward.frames)
    )
    whole = linked(both, history.seconds_of(both.result.rows.frames))
    return smoothed(whole, history.frames, history.seconds)
