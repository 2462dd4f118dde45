"""Detections to tracks: who is who, by the clock of the source."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.frame import Detected, Tracked
from pipeline.stage import Stage
from trackers.tracks import Tracker, Tracks


class Track(Stage[Detected, Tracked]):
    """Gives the objects of one stream their identities; with no tracker they get none (-1)."""

    def __init__(self, tracker: Tracker | None) -> None:
        self._tracker = tracker

    def process(self, item: Detected) -> Iterable[Tracked]:
        """Return the frame with its tracks."""
        return (Tracked(item.frame, self._tracks(item)),)

    def _tracks(self, item: Detected) -> Tracks:
        if self._tracker is None:
            return Tracks.untracked(item.detections)
        return self._tracker.update(item.detections, float(item.frame.time))
