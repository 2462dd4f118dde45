"""Boxes over time in, identities out. Knows nothing of pixels or models."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from detector.errors import UsageError
from trackers.bytetrack import ByteTrack
from trackers.tracks import Tracker

TRACKERS: dict[str, type[Tracker]] = {  # a new tracker is one file and one line
    "bytetrack": ByteTrack,
}


def make_tracker(name: str, **options: Any) -> Tracker:
    """Return a new tracker of the given name; options are its keyword arguments.

    Raises UsageError for a name, an option or a value that is not accepted.
    """
    if name not in TRACKERS:
        raise UsageError(f"unknown tracker '{name}'{_accepted(name, TRACKERS)}")
    parameters = inspect.signature(TRACKERS[name]).parameters
    for option, value in options.items():
        if option not in parameters:
            raise UsageError(f"{name} has no option '{option}'{_accepted(option, parameters)}")
        wanted = type(parameters[option].default)
        if type(value) is not wanted and (wanted, type(value)) != (float, int):
            kind = "true or false" if wanted is bool else "a number"
            raise UsageError(f"{name} option {option}={value!r}: {kind} is expected")
    return TRACKERS[name](**options)


def _accepted(given: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, and all."""
    nearest = get_close_matches(given, known, n=1)
    hint = f", did you mean '{nearest[0]}'?" if nearest else ";"
    return f"{hint} accepted: {', '.join(known)}"
