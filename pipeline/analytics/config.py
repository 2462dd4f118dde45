"""What is to be watched, as a configuration says it, and the watches that it becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from detector.errors import UsageError, did_you_mean
from pipeline.analytics.crossings import LineCounter, ZoneCounter
from pipeline.analytics.events import Watch
from pipeline.analytics.geometry import Line, Point, Zone

USUAL_MARGIN = 0.01  # of the picture's diagonal: what boxes of people jitter by, and some more

WatchMaker = Callable[[int, int], list[Watch]]  # from width and height of the picture


class _Shape(BaseModel):
    """What lines and zones have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(description="unique among lines and zones", min_length=1)
    units: Literal["normalised", "pixels"] = Field(
        default="normalised",
        description="of coordinates and margin: 0..1 of the picture, or pixels",
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        description="how far beyond the edge a track must be to be believed, in pixels or as a "
        "share of the picture's diagonal; default: 0.01 of the diagonal",
    )
    classes: tuple[str, ...] | None = Field(default=None, description="only these; default: all")
    streams: tuple[str, ...] | None = Field(default=None, description="only these; default: all")

    def _points(self, corners: Sequence[Point], width: int, height: int) -> list[Point]:
        """Return corners in pixels."""
        across, down = (width, height) if self.units == "normalised" else (1, 1)
        return [(x * across, y * down) for x, y in corners]

    def _margin(self, width: int, height: int) -> float:
        """Return the margin in pixels."""
        if self.margin is None:
            return USUAL_MARGIN * math.hypot(width, height)
        return self.margin * (math.hypot(width, height) if self.units == "normalised" else 1)


class LineConfig(_Shape):
    """A line that is crossed."""

    start: Point = Field(description="[x, y]")
    end: Point = Field(
        description="[x, y]; left and right are those of who walks from start to end"
    )

    def watch(self, width: int, height: int) -> LineCounter:
        """Return the watch of this line in pictures of that size."""
        start, end = self._points((self.start, self.end), width, height)
        return LineCounter(self.name, Line(start, end), self._margin(width, height), self.classes)


class ZoneConfig(_Shape):
    """A zone that is entered and left."""

    polygon: tuple[Point, ...] = Field(
        min_length=3, description="its corners, in order: [[x, y], ...]"
    )
    dwell_seconds: float | None = Field(
        default=None, gt=0, description="report a track that has been inside for so long"
    )

    def watch(self, width: int, height: int) -> ZoneCounter:
        """Return the watch of this zone in pictures of that size."""
        zone = Zone.of(self._points(self.polygon, width, height))
        margin = self._margin(width, height)
        return ZoneCounter(self.name, zone, margin, self.classes, self.dwell_seconds)


class AnalyticsConfig(BaseModel):
    """Lines and zones, of all streams or of some."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    lines: tuple[LineConfig, ...] = ()
    zones: tuple[ZoneConfig, ...] = ()
    forget_seconds: float = Field(
        default=5.0,
        gt=0,
        description="a track that was not seen for longer is gone; more than the tracker's buffer",
    )

    def watches(self, stream: str, classes: Sequence[str]) -> WatchMaker | None:
        """Return what makes the watches of a stream, None if there are none.

        classes: of the model
        Raises UsageError for a shape that is none, a name given twice, an unknown class.
        """
        shapes: list[LineConfig | ZoneConfig] = [*self.lines, *self.zones]
        for shape in shapes:
            _check(shape, classes)
        names = [shape.name for shape in shapes]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(
                    f"analytics: '{name}' is given twice: give each shape its own name"
                )
        mine = [s for s in shapes if s.streams is None or stream in s.streams]
        return (lambda w, h: [shape.watch(w, h) for shape in mine]) if mine else None


def _check(shape: LineConfig | ZoneConfig, classes: Sequence[str]) -> None:
    """Refuse what would never tell anything."""
    if isinstance(shape, LineConfig):
        where, corners = f"analytics line '{shape.name}'", [shape.start, shape.end]
        flat = shape.start == shape.end
    else:
        where, corners = f"analytics zone '{shape.name}'", list(shape.polygon)
        flat = Zone.of(corners).area == 0
    if flat:
        raise UsageError(f"{where}: {corners} encloses nothing, or leads nowhere")
    if shape.units == "normalised" and not all(0 <= c <= 1 for point in corners for c in point):
        raise UsageError(f"{where}: {corners} is not from 0 to 1: say `units: pixels` for pixels")
    for name in shape.classes or ():
        if name not in classes:
            raise UsageError(
                f"{where}: no class '{name}' in this model{did_you_mean(name, classes)}"
            )
