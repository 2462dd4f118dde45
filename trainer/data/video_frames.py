"""The frames of a video by their numbers, decoded in order."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from threading import Lock

import av
import numpy as np

from detector.detections import UInt8Array
from detector.errors import UsageError


class VideoFrames:
    """Frames of a video, counted from 1 in decoding order. They are not cached.

    Reading in order decodes the video once, and a step back starts it again. Threads may share it.
    """

    def __init__(self, path: Path, last: int | None = None) -> None:
        """Open a video; last: a frame behind which none is wanted: it ends the decoder."""
        self.path = path
        self._last = last
        self._lock = Lock()
        self._decoded, self._next_frame = _decode(path), 1

    def read(self, frame: int) -> UInt8Array:
        """Return a frame as (h, w, 3) uint8 RGB, upright; raises UsageError if it is not there."""
        with self._lock:  # threads share one decoder
            if frame < self._next_frame:
                self._decoded.close()
                self._decoded, self._next_frame = _decode(self.path), 1
            try:
                for decoded in self._decoded:
                    self._next_frame += 1
                    if self._next_frame > frame:
                        if frame == self._last:
                            self._decoded.close()  # else its threads and buffers stay for hours
                        return _upright(decoded)
            except av.FFmpegError as error:
                raise UsageError(f"{self.path}: frame {self._next_frame}: {error}") from error
        raise UsageError(
            f"{self.path}: frame {frame} is asked for, but the clip has {self._next_frame - 1}; "
            "correct 'frames'"
        )


def measure(path: Path, count: bool) -> tuple[tuple[int, int], int]:
    """Return the (height, width) of a video and, if `count`, its frames; headers are often wrong.

    The size is that of upright frames. Raises UsageError if the file is no video.
    """
    try:
        frames = _decode(path)
        first = next(frames, None)
        if first is None:
            raise UsageError(f"{path}: not a video that can be read: it has no frames")
        height, width = _upright(first).shape[:2]
        return (height, width), 1 + sum(1 for _ in frames) if count else 0
    except (av.FFmpegError, OSError, IndexError) as error:
        raise UsageError(f"{path}: not a video that can be read: {error}") from error


def _decode(path: Path) -> Generator[av.VideoFrame, None, None]:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        yield from container.decode(video=0)


def _upright(frame: av.VideoFrame) -> UInt8Array:
    """Return the pixels of a frame, turned as its display matrix says."""
    image = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    turns = round(frame.rotation / 90)
    return np.ascontiguousarray(np.rot90(image, turns)) if turns % 4 else image
