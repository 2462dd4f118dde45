"""Encoding of one stream as H.264 by GStreamer: frames in, packets out, and a child in between."""

from __future__ import annotations

import mmap
import os
import struct
import weakref
from errno import EPIPE
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import Any, cast

import av
import numpy as np
from av.video.frame import PictureType
from av.video.stream import VideoStream

from detector.detections import UInt8Array
from pipeline.gstreamer.child_process import CHILD, ChildProcess, Message, ProcessLost
from pipeline.gstreamer.child_task import HARDWARE_SECONDS, START_SECONDS, ChildTask
from pipeline.gstreamer.system_python import SYSTEM_PYTHON

_FRAME = struct.Struct(">Q?")
_GRAIN = 1000  # ns: encoders in hardware keep only microseconds


class GStreamerEncoder(ChildTask):
    """An encoder that stands in for one of FFmpeg's, for live video: no frame waits for another.

    The child process is started with it and ends when it is forgotten. All calls are made on one
    thread.

    size: width and height, even
    rate: frames per second; gop: frames between two keyframes at most
    bit_rate: per second; buffer_bits: of rate control
    program: the Python that runs the child, and its script
    Raises av.FFmpegError if the child cannot be started, or has no encoder.
    """

    extradata: bytes | None = None  # the headers come with each keyframe

    def __init__(
        self,
        size: tuple[int, int],
        *,
        time_base: Fraction,
        rate: Fraction,
        gop: int,
        bit_rate: int,
        buffer_bits: int,
        pixel_aspect: Fraction = Fraction(1),
        program: tuple[str, Path] = (SYSTEM_PYTHON, CHILD),
    ) -> None:
        super().__init__()
        self._time_base = time_base
        self._first: int | None = None  # pts
        self._sent: dict[int, int] = {}  # pts of the frames in the encoder, by their microseconds
        self._packets: list[av.Packet[VideoStream]] = []
        self._size = size
        luma = _times(size[0], 4)
        chroma = _times(size[0] // 2, 4)
        self._strides = (luma, chroma, chroma)
        bytes_ = luma * size[1] + 2 * chroma * (size[1] // 2)
        descriptor = os.memfd_create("framelane-frame", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, bytes_)
            self._memory = mmap.mmap(descriptor, bytes_)
            options: dict[str, Any] = {
                "task": "encode",
                "memory": descriptor,
                "width": size[0],
                "height": size[1],
                "rate": rate.as_integer_ratio(),
                "pixel_aspect": pixel_aspect.as_integer_ratio(),
                "gop": gop,
                "bit_rate": bit_rate,
                "buffer_bits": buffer_bits,
            }
            self._process = ChildProcess(options, program, [descriptor])
        except ProcessLost as lost:
            raise av.FFmpegError(EPIPE, str(lost)) from lost
        finally:
            os.close(descriptor)
        self._close = weakref.finalize(self, self._process.close)
        self._do(self._await_start)

    def encode(self, frame: av.VideoFrame | None) -> list[av.Packet[VideoStream]]:
        """Encode a frame; return the finished packets. None: return all that are left.

        Frames are yuv420p, their times grow. Raises av.FFmpegError if the child has ended, or
        hangs.
        """
        if frame is None:
            self._do(self._flush)
        else:
            self._put(frame)
            keyframe = frame.pict_type == PictureType.I
            assert frame.pts is not None
            pts = frame.pts
            self._do(lambda: self._give(pts, keyframe))
        packets, self._packets = self._packets, []
        return packets

    def _do(self, step: Any) -> None:
        try:
            step()
        except ProcessLost as lost:
            self._close()
            by = self.element or "GStreamer's child process"
            raise av.FFmpegError(EPIPE, f"{by}: {lost}") from lost

    def _put(self, frame: av.VideoFrame) -> None:
        """Copy a frame into the memory, where the child takes it before we write the next one."""
        start = 0
        for plane, stride in zip(frame.planes, self._strides, strict=True):
            target = self._rows(start, plane.height, stride)
            source = np.frombuffer(memoryview(plane), np.uint8)
            rows = source.reshape(plane.height, plane.line_size)
            target[:, : plane.width] = rows[:, : plane.width]
            start += plane.height * stride

    def _rows(self, start: int, rows: int, stride: int) -> UInt8Array:
        return np.frombuffer(self._memory, np.uint8, rows * stride, start).reshape(rows, stride)

    def _await_start(self) -> None:
        deadline = monotonic() + START_SECONDS
        while self.element is None:
            if not self._receive(deadline - monotonic()):
                raise ProcessLost(f"no answer for {START_SECONDS:g} s")

    def _give(self, pts: int, keyframe: bool) -> None:
        if self._first is None:
            self._first = pts
        grains = round((pts - self._first) * self._time_base * (1_000_000_000 // _GRAIN))
        self._sent[grains] = pts
        self._hand_over(b"V", _FRAME.pack(grains * _GRAIN, keyframe))
        self._await_taken()
        deadline = monotonic() + HARDWARE_SECONDS
        while self._in_hardware and self._sent and self._receive(deadline - monotonic()):
            pass

    def _flush(self) -> None:
        self._hand_over(b"F")
        self._await_taken()

    def _heed(self, message: Message) -> None:
        if message.kind == b"U":
            self._take(message.content)
        else:
            super()._heed(message)

    def _take(self, content: bytes) -> None:
        nanoseconds, keyframe = _FRAME.unpack_from(content)
        pts = self._sent.pop(nanoseconds // _GRAIN, None)
        if pts is None:
            raise ProcessLost("it gave a frame another time")
        packet = cast("av.Packet[VideoStream]", av.Packet(content[_FRAME.size :]))
        packet.pts = packet.dts = pts
        packet.time_base, packet.is_keyframe = self._time_base, keyframe
        self._packets.append(packet)


def _times(number: int, of: int) -> int:
    """Return the next multiple of a number."""
    return -(-number // of) * of
