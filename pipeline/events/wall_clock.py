"""The wall clock of a stream's frames."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from time import monotonic, time

from pipeline.frames.frame import Frame


class WallClock:
    """Tells when a frame was captured, in seconds since 1970.

    Of a camera, that is the time of capture. Of a recording, the time of the frame counts from when
    the recording began; if that is not known, from when its first frame was read.

    started_at: when a recording began; it is called at its first frame
    """

    def __init__(self, started_at: Callable[[], float | None] = lambda: None) -> None:
        self._started_at = started_at
        self._zero: float | None = None  # of a recording: the wall clock at time 0 of its frames
        self._frame: tuple[float, Fraction] | None = None  # the last one: capture, time

    def of(self, frame: Frame) -> float:
        """Return the wall clock of the next frame."""
        self._frame = frame.captured_at, frame.time
        if frame.stream.live:
            return wall(frame.captured_at)
        if self._zero is None:
            began = self._started_at()
            began = wall(frame.captured_at) if began is None else began
            self._zero = began - float(frame.time)
        return self._zero + float(frame.time)

    def seconds(self, at: float) -> float:
        """Return the time of a camera's frames at `monotonic()` seconds; 0 before the first one."""
        if self._frame is None:
            return 0.0
        captured_at, frame_time = self._frame
        return max(0.0, float(frame_time) + at - captured_at)


def wall(at: float) -> float:
    """Return the wall clock, in seconds since 1970, at `monotonic()` seconds."""
    return time() - monotonic() + at
