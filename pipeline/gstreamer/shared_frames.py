"""Frames in memory that a child process shares with us: a ring of slots, one for each frame."""

from __future__ import annotations

import mmap
import os
import weakref
from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from av import VideoFrame

from detector.detections import UInt8Array

_FORMATS = {"I420": "yuv420p", "NV12": "nv12"}


class SharedFrames:
    """The slots of one layout.

    A frame is the slot itself, which is free again once the frame is forgotten. While many slots
    are lent in this way, or if PyAV has no name for their layout, frames are copies. So the child
    never waits for a slot whose frame somebody keeps.

    layout: the child's message
    descriptor: of the memory; it is closed

    pixel_aspect: width of a pixel by its height, None if the video does not state it
    colours: as the video states them, under the names of FFmpeg's frames
    """

    def __init__(self, layout: Mapping[str, Any], descriptor: int) -> None:
        self.number: int = layout["ring"]
        aspect = layout["pixel_aspect"]
        self.pixel_aspect: Fraction | None = Fraction(*aspect) if aspect else None
        self.colours: Mapping[str, int] = layout["colours"]
        self._layout = layout
        self._size: int = layout["step"]
        self._format = _FORMATS[layout["format"]]
        self._width: int = layout["width"]
        self._height: int = layout["height"]
        try:
            self._memory = mmap.mmap(descriptor, self._size * layout["slots"], prot=mmap.PROT_READ)
        finally:
            os.close(descriptor)
        self._most_lent = layout["slots"] // 2
        self._lent = 0
        self._forgotten: deque[int] = deque()  # slots; filled by any thread that forgets a frame
        self._unused: list[int] = []  # slots
        self._lendable = self._is_known_layout()

    def frame(self, slot: int) -> VideoFrame:
        """Return the frame in a slot; `free` will name the slot."""
        if self._lendable and self._lent < self._most_lent:
            self._lent += 1
            return self._shared(slot)
        frame = self._copied(slot)
        self._unused.append(slot)
        return frame

    def forget(self, slot: int) -> None:
        """Take no frame from a slot."""
        self._unused.append(slot)

    def free(self) -> list[int]:
        """Return the slots that are free again since the last call."""
        found, self._unused = self._unused, []
        while self._forgotten:
            found.append(self._forgotten.popleft())
            self._lent -= 1
        return found

    def _is_known_layout(self) -> bool:
        """Return whether the planes are where PyAV expects them."""
        height, strides = self._height, self._layout["strides"]
        luma = strides[0]
        chroma = luma // 2 if self._format == "yuv420p" else luma
        starts = [0, luma * height, luma * height + chroma * height // 2]
        even = height % 4 == 0 and self._width % 2 == 0 and luma % 2 == 0  # else PyAV errs
        return (
            even
            and strides[1:] == [chroma] * (len(strides) - 1)
            and self._layout["offsets"] == starts[: len(strides)]
        )

    def _shared(self, slot: int) -> VideoFrame:
        luma, rows = self._layout["strides"][0], self._height * 3 // 2
        pixels = self._pixels(slot * self._size, rows, luma)
        weakref.finalize(pixels, self._forgotten.append, slot).atexit = False
        return VideoFrame.from_numpy_buffer(pixels, self._format, self._width)

    def _copied(self, slot: int) -> VideoFrame:
        frame = VideoFrame(self._width, self._height, self._format)
        layout = self._layout
        for plane, stride, offset in zip(
            frame.planes, layout["strides"], layout["offsets"], strict=True
        ):
            source = self._pixels(slot * self._size + offset, plane.height, stride)
            target = np.frombuffer(memoryview(plane), np.uint8).reshape(
                plane.height, plane.line_size
            )
            width = min(stride, plane.line_size)
            target[:, :width] = source[:, :width]
        return frame

    def _pixels(self, start: int, rows: int, stride: int) -> UInt8Array:
        """Return a view of some rows, (rows, stride)."""
        return np.frombuffer(self._memory, np.uint8, rows * stride, start).reshape(rows, stride)
