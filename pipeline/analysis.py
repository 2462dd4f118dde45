"""What analytics found in a frame: events, counts, and what is drawn, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]  # x, y in source pixels, y downwards
# Decimal places of box edges in JSON lines. Analytics sees no more of them, so that every event can
# be computed again from the file.
BOX_DECIMALS = 2

Counts = Mapping[str, Mapping[str, Mapping[str, int]]]  # shape -> counted_as -> class -> count


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """The position of a track in one frame.

    track: its id
    class_name: the class of its last detection
    position: x, y in source pixels
    pts: the frame's, as the container gave it; None if it gave none
    seconds: the frame's time on the clock of the source
    """

    track: int
    class_name: str
    position: Point
    pts: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something a track did at a line or zone, with the states before and after.

    kind: `cross`, `enter`, `leave` or `dwell`
    shape: the name of the line or zone
    point: where the track was when the event was settled, or last seen if the track is gone
    was, now: `left` or `right` of a line, `inside` or `outside` of a zone; None if not known yet,
        or if the track is gone
    dwell_seconds: time inside so far, for `leave` and `dwell`
    """

    kind: str
    shape: str
    point: TrackPoint
    was: str | None
    now: str | None
    dwell_seconds: float | None = None

    @property
    def counted_as(self) -> str:
        """The name of the count that this event adds to."""
        if self.kind == "cross":
            return f"{self.was} to {self.now}"
        return {"enter": "entered", "leave": "left", "dwell": "dwelt"}[self.kind]

    def as_json(self) -> dict[str, Any]:
        """Return the event as JSON lines show it."""
        written: dict[str, Any] = {
            "kind": self.kind,
            "shape": self.shape,
            "counted_as": self.counted_as,
            "track": self.point.track,
            "class": self.point.class_name,
            "pts": self.point.pts,
            "seconds": self.point.seconds,
            "was": self.was,
            "now": self.now,
        }
        if self.dwell_seconds is not None:
            written["dwell_seconds"] = round(self.dwell_seconds, 3)
        return written


@dataclass(frozen=True, slots=True)
class Figure:
    """A line or zone as it is drawn: corners in source pixels, and the text beside it."""

    corners: Sequence[Point]
    closed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """The events of one frame, and the state after it.

    counts: of all events so far
    occupancy: how many tracks are inside, by zone
    generation: of the lines and zones; a new one has forgotten all tracks, without events
    """

    events: Sequence[Event]
    counts: Counts
    occupancy: Mapping[str, int]
    figures: Sequence[Figure]
    generation: int = 0
