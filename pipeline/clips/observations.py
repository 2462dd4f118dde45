"""Where the tracks of a stream were, for the sidecars of its clips."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from pipeline.analysis import BOX_DECIMALS
from pipeline.events.sidecar import TrackBoxes
from pipeline.frames.result import Tracked

INTERVAL = Fraction(1, 5)  # seconds between two observations; a reader interpolates
MAX_BOXES = 50_000  # in a sidecar: about 2 MB of JSON, 160 tracks for a minute


class Observation(NamedTuple):
    """A track at a moment. box: x0, y0, x1, y1 in source pixels"""

    seconds: float
    pts: int
    track: int
    class_name: str
    box: tuple[float, float, float, float]


class Observations:
    """The latest observations of one stream; kept: seconds"""

    def __init__(self, classes: Sequence[str], kept: float) -> None:
        self._classes = classes
        self._kept = kept
        self._latest: deque[Observation] = deque(maxlen=MAX_BOXES)
        self._last: Fraction | None = None

    def add(self, item: Tracked) -> list[Observation]:
        """Add a frame's confirmed tracks, and return them; none if it follows another closely."""
        time = item.frame.time
        if self._last is not None and 0 <= time - self._last < INTERVAL:
            return []
        self._last = time
        seconds = float(time)
        pts = item.frame.ticks if item.frame.pts is None else item.frame.pts
        tracks = item.tracks.confirmed
        new = [
            Observation(seconds, pts, identity, self._classes[class_id], _box(box))
            for identity, class_id, box in zip(
                tracks.ids.tolist(),
                tracks.class_ids.tolist(),
                tracks.boxes_xyxy.tolist(),
                strict=True,
            )
            if identity >= 0
        ]
        self._latest.extend(new)
        while self._latest and self._latest[0].seconds < seconds - self._kept:
            self._latest.popleft()
        return new

    @property
    def latest(self) -> list[Observation]:
        """The observations, the oldest first."""
        return list(self._latest)


def boxes_of(
    observations: Iterable[Observation], since: float, until: float
) -> tuple[TrackBoxes, ...]:
    """Return the boxes of each track, in the order of their first ones; since, until: seconds."""
    found: dict[int, list[Observation]] = {}
    for each in observations:
        if since <= each.seconds <= until:
            found.setdefault(each.track, []).append(each)
    return tuple(
        TrackBoxes(track, each[-1].class_name, tuple((one.pts, *one.box) for one in each))
        for track, each in found.items()
    )


def _box(sides: Sequence[float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (round(side, BOX_DECIMALS) for side in sides)
    return x0, y0, x1, y1
