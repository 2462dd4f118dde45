"""Decoding of one stream by GStreamer: packets in, frames out, and a child process in between."""

from __future__ import annotations

import struct
import weakref
from collections import deque
from collections.abc import Mapping
from errno import EPIPE
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, runtime_checkable

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from pipeline.gstreamer.child_process import CHILD, ChildProcess, Message, ProcessLost
from pipeline.gstreamer.child_task import (
    ANSWER_SECONDS,
    HARDWARE_SECONDS,
    START_SECONDS,
    ChildTask,
)
from pipeline.gstreamer.packet_times import Carried, PacketTimes
from pipeline.gstreamer.shared_frames import SharedFrames
from pipeline.gstreamer.system_python import SYSTEM_PYTHON

SLOTS = 16  # frames: half of them may be kept by others, the rest are copied at once
STARTING_PACKETS = 16  # that may wait while the child starts, so that nobody waits for it
RECENT_PACKETS = 16  # over which hardware shows how many packets it holds
_TIME = struct.Struct(">Q")
_SLOT = struct.Struct(">II")
_FRAME = struct.Struct(">IIQ?")
_HAVE_LENGTHS = {"h264", "hevc"}  # their headers, if NAL units have lengths, start with a 1
_UNSPECIFIED = 2  # code point of ITU-T H.273


@runtime_checkable
class Markable(Protocol):
    """A packet's note (`opaque`) that can say that the frame is damaged."""

    damaged: bool


class GStreamerDecoder(ChildTask):
    """A decoder that stands in for one of FFmpeg's: the same packets in, the same frames out.

    The child process is started with it and ends when it is forgotten; frames stay valid. All calls
    are made on one thread.

    like: FFmpeg's decoder of the stream, for its codec, headers and colours
    max_pixels: of a frame
    program: the Python that runs the child, and its script
    Raises ProcessLost if the child cannot be started.
    """

    def __init__(
        self,
        like: VideoCodecContext,
        max_pixels: int,
        program: tuple[str, Path] = (SYSTEM_PYTHON, CHILD),
    ) -> None:
        super().__init__()
        self.skip_frame: Any = "DEFAULT"  # not heeded: GStreamer's decoders have no such setting
        self.sample_aspect_ratio: Fraction | None = None  # of the last frame, if it is stated
        self._like = like
        self._process = process = ChildProcess(_start_message(like, max_pixels), program)
        self._close = weakref.finalize(self, process.close)
        self._times = PacketTimes()
        self._shared: SharedFrames | None = None
        self._any = False  # a frame has come
        self._held = deque([0], maxlen=RECENT_PACKETS)  # packets in the decoder, before each
        self._frames: list[av.VideoFrame] = []

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[av.VideoFrame]:
        """Return the frames that a packet completes; None: all that are left.

        Raises av.FFmpegError if the child has ended, or hangs.
        """
        try:
            if packet is None:
                self._hand_over(b"F")
                self._await_taken(seconds=self._patience())
            else:
                self._give(packet)
        except ProcessLost as lost:
            self._close()
            by = self.element or "its child process"
            raise av.FFmpegError(EPIPE, f"{by}: {lost}") from lost
        frames, self._frames = self._frames, []
        return frames

    def _give(self, packet: av.Packet[VideoStream]) -> None:
        while (self._in_hardware or self._waiting) and self._receive(0.0):
            pass
        self._held.append(len(self._times))
        self._hand_over(b"P", _TIME.pack(self._times.sent(packet)) + bytes(packet))
        self._await_taken(0 if self._any else STARTING_PACKETS, self._patience())
        if self._in_hardware:
            self._await_frame()

    def _patience(self) -> float:
        return ANSWER_SECONDS if self._any else START_SECONDS

    def _await_frame(self) -> None:
        """Wait for a frame that is due: the decoder holds more packets than it did lately."""
        deadline = monotonic() + HARDWARE_SECONDS
        while self._any and len(self._times) > max(self._held):
            if not self._receive(deadline - monotonic()):
                return

    def _heed(self, message: Message) -> None:
        match message.kind:
            case b"V":
                self._take_frame(message.content)
            case b"M":
                assert message.descriptor is not None
                self._shared = SharedFrames(message.fields, message.descriptor)
                self.sample_aspect_ratio = self._shared.pixel_aspect
            case _:
                super()._heed(message)

    def _take_frame(self, content: bytes) -> None:
        _, slot, nanoseconds, damaged = _FRAME.unpack(content)
        assert self._shared
        self._any = True
        sent = self._times.decoded(nanoseconds)
        if sent and not sent.discarded:
            frame = self._shared.frame(slot)
            frame.pts, frame.time_base, frame.opaque = sent.pts, sent.time_base, Carried(sent.note)
            colour(frame, self._shared.colours, self._like)
            if damaged and isinstance(sent.note, Markable):
                sent.note.damaged = True
            self._frames.append(frame)
        else:
            self._shared.forget(slot)
        for free in self._shared.free():
            self._process.send(b"R", _SLOT.pack(self._shared.number, free), ANSWER_SECONDS)


def _start_message(like: VideoCodecContext, max_pixels: int) -> dict[str, Any]:
    """Return what the child is to know of the packets."""
    codec = like.codec.canonical_name
    headers = bytes(like.extradata or b"")
    return {
        "task": "decode",
        "codec": codec,
        "lengths": codec in _HAVE_LENGTHS and headers[:1] == b"\x01",
        "headers": headers.hex(),
        "max_pixels": max_pixels,
        "slots": SLOTS,
    }


def colour(frame: av.VideoFrame, stated: Mapping[str, int], like: VideoCodecContext) -> None:
    """Say what the colours of a frame mean: as the video states it, else as FFmpeg takes it."""
    for name in ("colorspace", "color_trc", "color_primaries"):
        value = stated[name]
        setattr(frame, name, getattr(like, name) if value == _UNSPECIFIED else value)
    frame.color_range = stated["color_range"] or like.color_range
