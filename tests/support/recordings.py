"""Recordings of numbered frames for tests, with frames that are reordered."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from detector.detections import UInt8Array
from tests.support.cameras import FPS, SIZE, numbered

FRAMES = 30


def write_recording(
    path: Path,
    *,
    first: int = 0,
    size: tuple[int, int] = SIZE,
    frames: int = FRAMES,
    pictures: Iterable[UInt8Array] | None = None,
) -> Path:
    """Write a recording.

    first: the number of intervals at which the times begin
    size: width and height of the frames
    frames: how many numbered frames it has
    pictures: BGR frames of this size in their place
    """
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"bf": "2", "b_strategy": "0", "g": "12"}
        stream.time_base = stream.codec_context.time_base = Fraction(1, FPS)
        for index, bgr in enumerate(pictures or numbered(size, frames)):
            frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
            frame.pts, frame.time_base = first + index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
