"""A frame with what was found in it: its detections, then its tracks."""

from __future__ import annotations

from dataclasses import dataclass, field

from detector.detections import Detections, Int64Array, UInt8Array
from detector.yuv.planes import Planes
from pipeline.analysis import Analysis
from pipeline.frames.frame import Frame
from trackers.tracks import Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """A frame and its detections, in source pixels; none if the frame rests.

    small: (h, w, 3) uint8, RGB: the frame at the network's input size, without padding, or None
    """

    frame: Frame
    detections: Detections
    small: UInt8Array | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """A frame and its tracks, drawn if a sink needs that. If the frame rests they are predicted.

    drawn: for an encoder, with the boxes in it, read-only; `drawn.bgr()` returns it as BGR
    analysis: of lines and zones; None if there are none
    origins: (n,) int64, the `Origin` of each track's box if tracks were refined, else None
    """

    frame: Frame
    tracks: Tracks
    drawn: Planes | None = field(default=None, repr=False)
    analysis: Analysis | None = field(default=None, repr=False)
    origins: Int64Array | None = field(default=None, repr=False)
