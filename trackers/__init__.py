"""Boxes over time in, identities out. Knows nothing of pixels or models."""

from __future__ import annotations

import inspect
from typing import Any

from detector.errors import UsageError, did_you_mean
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
        raise UsageError(f"unknown tracker '{name}'{did_you_mean(name, TRACKERS)}")
    parameters = inspect.signature(TRACKERS[name]).parameters
    for option, value in options.items():
        if option not in parameters:
            raise UsageError(f"{name} has no option '{option}'{did_you_mean(option, parameters)}")
        wanted = type(parameters[option].default)
        if type(value) is not wanted and (wanted, type(value)) != (float, int):
            kind = "true or false" if wanted is bool else "a number"
            raise UsageError(f"{name} option {option}={value!r}: {kind} is expected")
    return TRACKERS[name](**options)
