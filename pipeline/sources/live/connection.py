"""One connection to a live stream, from its opening to its loss: packets in, frames out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.codec.context import Flags, ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from pipeline.connections.status import Cause, Disconnected, Trouble
from pipeline.packets.keyframe import parameter_sets
from pipeline.packets.packet import PacketFormat
from pipeline.sources.image_header import image_header
from pipeline.sources.live.packet_gate import Skip
from pipeline.sources.pixel_limit import PixelLimit, TooManyPixels

NO_WAIT = 0.005  # seconds: a packet that took longer to read had not arrived when we asked


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet and its arrival.

    pts: None if the container has none
    camera_at: capture by the camera's clock, in our monotonic seconds; None if the camera sends no
        clock
    waited: it was not yet there when we asked for it
    """

    packet: av.Packet[VideoStream]
    pts: int | None
    arrived_at: float
    camera_at: float | None
    waited: bool


@dataclass(frozen=True, slots=True)
class Sound:
    """A packet of audio; track: from 1, because the video is 0."""

    packet: av.Packet[AudioStream]
    track: int
    arrived_at: float


class Connection:
    """An open stream and a decoder without delay, both on one thread.

    The constructors of its subclasses connect, or raise Disconnected.
    """

    interval: Fraction  # seconds between two frames, as the peer states them
    codec: str  # of the video, FFmpeg's name
    start_codes: bool = True  # separate the NAL units of H.264 and H.265, as in RTSP
    time_base: Fraction  # unit of the packets' times, in seconds
    finished: bool = False  # what it reads has an end, so that reaching that is no loss

    def arrivals(self) -> Iterator[Arrival | Sound]:
        """Yield packets until stopped. Any other end raises Disconnected."""
        raise NotImplementedError

    def headers(self, keyframe: bytes) -> object:
        """Return the part of a keyframe that is the same as long as its format is; may be empty."""
        if self.codec == "mjpeg":
            return image_header(keyframe)
        return parameter_sets(self.codec, keyframe) if self.start_codes else ()

    def packet_format(self, keyframe: bytes) -> PacketFormat:
        """Return what a recorder needs to know about the packets, from one of the keyframes.

        Raises av.FFmpegError or ValueError if packets of this codec cannot be copied.
        """
        raise NotImplementedError

    def decode(self, packet: av.Packet[VideoStream] | None, skip: Skip) -> list[av.VideoFrame]:
        """Return the frames that a packet completes; None: flush; see StreamDecoder."""
        raise NotImplementedError

    def pixel_aspect(self, frame: av.VideoFrame) -> Fraction | None:
        """Return width of a pixel of a frame by its height; None if nothing states it."""
        return None

    def close(self) -> None:
        """Close the connection."""
        raise NotImplementedError


def without_delay(decoder: VideoCodecContext, limit: PixelLimit) -> VideoCodecContext:
    """Return a decoder that gives each frame at once, and refuses too large ones."""
    decoder.thread_count = 1
    decoder.thread_type = ThreadType.SLICE  # frame threads would delay frames
    decoder.flags |= Flags.low_delay
    decoder.options = decoder.options | limit.options
    return decoder


@contextmanager
def refused_sizes() -> Iterator[None]:
    """Raise Disconnected, which says so, for a frame that has too many pixels."""
    try:
        yield
    except TooManyPixels as error:
        raise Disconnected(Trouble(Cause.BAD_DATA, str(error))) from None
