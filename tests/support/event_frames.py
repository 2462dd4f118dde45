"""Tracked frames made by hand, and the events that are found in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from pipeline.analytics.events import Analytics, Watch
from pipeline.events.config import EventFilters
from pipeline.events.detection.detector import EventDetector
from pipeline.events.log import Change
from pipeline.events.record import EventKind, EventRecord, Phase
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from trackers.tracks import Tracks, TrackState

NAMES = ("person", "bicycle", "car")
TIME_BASE = Fraction(1, 90_000)
SIZE = (400, 300)  # pixels, width and height
WALL = 1_780_000_000.0  # seconds since 1970 at time 0 of the frames


class Seen(NamedTuple):
    """A track in a frame: x, y is the middle of the lower edge of its box, which is 40 x 80."""

    x: float = 200.0
    y: float = 150.0
    score: float = 0.9
    class_id: int = 0
    state: TrackState = TrackState.CONFIRMED
    size: tuple[float, float] = (40.0, 80.0)


def tracked(
    seconds: float, tracks: Mapping[int, Seen], *, scene: int = 0, live: bool = True, grey: int = 0
) -> Tracked:
    """Return a frame of a grey picture with these tracks, by id."""
    stream = Stream("cam", "rtsp://cam", Fraction(1, 10), live=live)
    ticks = round(seconds / TIME_BASE)
    picture = Picture.of(np.full((SIZE[1], SIZE[0], 3), grey, np.uint8))
    frame = Frame(stream, round(seconds * 10), ticks, ticks, TIME_BASE, seconds, picture, scene)
    seen = list(tracks.values())
    boxes = [(s.x - s.size[0] / 2, s.y - s.size[1], s.x + s.size[0] / 2, s.y) for s in seen]
    return Tracked(
        frame,
        Tracks(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array([s.score for s in seen], np.float32),
            np.array([s.class_id for s in seen], np.int64),
            np.array(list(tracks), np.int64),
            np.array([s.state for s in seen], np.int8),
        ),
    )


def analysed(
    frames: Iterable[Tracked], *watches: Watch, forget_seconds: float = 5.0
) -> list[Tracked]:
    """Return the frames with the events at these lines and zones."""
    analytics = Analytics(watches, forget_seconds)
    return [
        Tracked(
            item.frame,
            item.tracks,
            analysis=analytics.update(item.tracks, NAMES, item.frame.pts, float(item.frame.time)),
        )
        for item in frames
    ]


def changes(frames: Iterable[Tracked], finish: bool = True, **filters: object) -> list[Change]:
    """Return all changes that a detector with these filters finds."""
    detector = EventDetector("cam", NAMES, EventFilters.model_validate(filters))
    found = [
        change
        for item in frames
        for change in detector.update(item, WALL + float(item.frame.time)).changes
    ]
    return found + (detector.finish().changes if finish else [])


def ended(found: Sequence[Change], *kinds: EventKind) -> list[EventRecord]:
    """Return the events as they ended, in that order; kinds: only these."""
    return [
        record
        for record, phase in found
        if phase is Phase.END and (not kinds or record.kind in kinds)
    ]


def walk(*tracks: tuple[int, float, float, Seen], step: float = 0.1) -> list[Tracked]:
    """Return frames in which tracks are seen: (id, from, until and with the second, as what)."""
    end = max(until for _, _, until, _ in tracks)
    times = [k * step for k in range(round(end / step) + 1)]
    return [
        tracked(t, {i: s for i, since, until, s in tracks if since - 1e-6 <= t <= until + 1e-6})
        for t in times
    ]
