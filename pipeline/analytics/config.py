"""Lines and zones as a configuration describes them, and the counters made from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from detector.errors import UsageError, did_you_mean
from pipeline.analysis import Point
from pipeline.analytics.crossings import LineCounter, ZoneCounter
from pipeline.analytics.events import Watch
from pipeline.analytics.geometry import Line, Zone

DEFAULT_MARGIN = 0.01  # of the frame's diagonal: a little more than boxes of people jitter by

WatchMaker = Callable[[int, int], list[Watch]]  # from the frame's width and height


class _Shape(BaseModel):
    """The keys that lines and zones share."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(description="unique among lines and zones", min_length=1)
    units: Literal["normalised", "pixels"] = Field(
        default="normalised",
        description="units of coordinates and margin: 0..1 of the frame's width and height, or "
        "pixels",
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        description="how far beyond the edge a track must be to change sides, in pixels or as a "
        "share of the frame's diagonal; default: 0.01 of the diagonal",
    )
    classes: tuple[str, ...] | None = Field(
        default=None, description="only tracks of these classes; default: all"
    )
    streams: tuple[str, ...] | None = Field(
        default=None, description="only in these streams; default: all"
    )

    def _points(self, corners: Sequence[Point], width: int, height: int) -> list[Point]:
        """Return `corners` in pixels."""
        across, down = (width, height) if self.units == "normalised" else (1, 1)
        return [(x * across, y * down) for x, y in corners]

    def _margin(self, width: int, height: int) -> float:
        """Return the margin in pixels."""
        if self.margin is None:
            return DEFAULT_MARGIN * math.hypot(width, height)
        return self.margin * (math.hypot(width, height) if self.units == "normalised" else 1)


class LineConfig(_Shape):
    """A line that tracks cross."""

    start: Point = Field(description="[x, y]")
    end: Point = Field(description="[x, y]; left and right are as seen from start towards end")

    def watch(self, width: int, height: int) -> LineCounter:
        """Return the counter of this line for frames of this size."""
        start, end = self._points((self.start, self.end), width, height)
        margin = self._margin(width, height)
        line = Line.across(start, end, (width, height), margin)
        return LineCounter(self.name, line, margin, self.classes)


class ZoneConfig(_Shape):
    """A zone that tracks enter and leave."""

    polygon: tuple[Point, ...] = Field(
        min_length=3, description="its corners, in order: [[x, y], ...]"
    )
    dwell_seconds: float | None = Field(
        default=None, gt=0, description="report a track that has been inside for this long"
    )

    def watch(self, width: int, height: int) -> ZoneCounter:
        """Return the counter of this zone for frames of this size."""
        margin = self._margin(width, height)
        corners = self._points(self.polygon, width, height)
        zone = Zone.inside(corners, (width, height), margin)
        return ZoneCounter(self.name, zone, margin, self.classes, self.dwell_seconds)


class AnalyticsConfig(BaseModel):
    """The lines and zones of all streams."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    lines: tuple[LineConfig, ...] = ()
    zones: tuple[ZoneConfig, ...] = ()
    forget_seconds: float = Field(
        default=5.0,
        gt=0,
        description="seconds without detection after which a track is gone; more than the "
        "tracker's buffer",
    )

    def watches(self, stream: str, classes: Sequence[str]) -> WatchMaker | None:
        """Return a function that makes the counters of a stream; None if it has no line or zone.

        classes: of the model
        Raises UsageError for a degenerate shape, a duplicate name or an unknown class.
        """
        shapes: list[LineConfig | ZoneConfig] = [*self.lines, *self.zones]
        for shape in shapes:
            _check(shape, classes)
        names = [shape.name for shape in shapes]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(
                    f"analytics: '{name}' is given twice: give each line and zone its own name"
                )
        mine = [s for s in shapes if s.streams is None or stream in s.streams]
        return (lambda w, h: [shape.watch(w, h) for shape in mine]) if mine else None

    def check_streams(self, streams: Iterable[str]) -> None:
        """Raise UsageError for a line or zone of a stream that the run does not have."""
        known = list(streams)
        for shape in (*self.lines, *self.zones):
            for name in shape.streams or ():
                if name not in known:
                    hint = did_you_mean(name, known)
                    raise UsageError(f"analytics: '{shape.name}': no stream '{name}'{hint}")


def _check(shape: LineConfig | ZoneConfig, classes: Sequence[str]) -> None:
    """Raise UsageError for a shape that could never cause an event."""
    if isinstance(shape, LineConfig):
        where, corners = f"analytics line '{shape.name}'", [shape.start, shape.end]
        degenerate = "start and end are equal" if shape.start == shape.end else ""
    else:
        where, corners = f"analytics zone '{shape.name}'", list(shape.polygon)
        degenerate = "" if Zone.of(corners).area else "the polygon has no area"
    if degenerate:
        raise UsageError(f"{where}: {corners} given: {degenerate}: move a point")
    if shape.units == "normalised" and not all(0 <= c <= 1 for point in corners for c in point):
        raise UsageError(
            f"{where}: {corners} given: 0 to 1 is accepted: say `units: pixels` for pixels"
        )
    for name in shape.classes or ():
        if name not in classes:
            raise UsageError(
                f"{where}: no class '{name}' in this model{did_you_mean(name, classes)}"
            )
