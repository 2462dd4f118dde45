"""Boxes over time in, identities out, without pixels or models."""

from __future__ import annotations

from typing import Any

from detector.errors import UsageError, did_you_mean
from trackers.bytetrack import ByteTrack
from trackers.lane import Lane
from trackers.ocsort import OcSort
from trackers.options import checked_options
from trackers.sort import Sort
from trackers.tracks import Tracker, Tracks, TrackState

__all__ = ["TRACKERS", "TrackState", "Tracker", "Tracks", "make_tracker"]

TRACKERS: dict[str, type[Tracker]] = {  # a new tracker is one file and one line
    "bytetrack": ByteTrack,
    "lane": Lane,
    "ocsort": OcSort,
    "sort": Sort,
}


def make_tracker(name: str, **options: Any) -> Tracker:
    """Return a new tracker of the given name; options are its keyword arguments.

    Raises UsageError for an unknown name or option, and for a value that is not accepted.
    """
    if name not in TRACKERS:
        raise UsageError(f"unknown tracker '{name}'{did_you_mean(name, TRACKERS)}")
    return TRACKERS[name](**checked_options(name, TRACKERS[name], options))
