"""One connection to a live stream, from its opening to its loss: packets in, pictures out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from threading import Event
from time import monotonic, time

import av
from av.codec.context import Flags, ThreadType
from av.video.stream import VideoStream

from pipeline.connections.causes import trouble_opening, trouble_reading
from pipeline.connections.status import Cause, Trouble
from pipeline.media.container import first_video_stream, nominal_interval
from pipeline.sources.live.demuxers import Address, open_live
from pipeline.sources.live.packet_gate import Skip

AT_ONCE = 0.005  # seconds: what takes longer to read was waited for
_PRFT = struct.Struct("=qi")  # AVProducerReferenceTime: microseconds since 1970, flags


class Lost(Exception):
    """There is no connection, or no longer; it is tried again."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet, and when it came.

    pts: None where the container gave none
    camera_at: when it was captured by the camera's clock, in our monotonic seconds; None where the
        camera sends no clock
    waited: it was not there before we asked for it
    """

    packet: av.Packet[VideoStream]
    pts: int | None
    arrived_at: float
    camera_at: float | None
    waited: bool


class Connection:
    """An open container and a decoder that holds nothing back; both on one thread.

    timeout: seconds of silence after which the connection is lost
    stopped: ends reading at the next packet
    Raises Lost where no connection can be made.
    """

    def __init__(self, where: Address, timeout: float, stopped: Event) -> None:
        self._timeout = timeout
        self._stopped = stopped
        self._files = ExitStack()
        began_at = monotonic()
        try:
            self._container = open_live(where, timeout, stopped, self._files)
        except (av.FFmpegError, OSError) as error:
            self._files.close()
            # the text of FFmpeg's error contains the password: it is not chained
            raise Lost(trouble_opening(error, monotonic() - began_at, timeout)) from None
        try:
            self._video = self._choose()
        except Lost:
            self.close()
            raise
        self._silent_since = self._asked_at = monotonic()
        # The first packet of an RTSP session has no time, and is where its times begin.
        self._first_pts = 0 if self._container.format.name == "rtsp" else None

    @property
    def interval(self) -> Fraction:
        """Seconds between two pictures, as far as the container can be believed."""
        return nominal_interval(self._video)

    @property
    def time_base(self) -> Fraction:
        """Of the packets' times."""
        assert self._video.time_base
        return self._video.time_base

    @property
    def pixel_aspect(self) -> Fraction | None:
        """Width of a pixel by its height, where the stream tells."""
        return self._video.sample_aspect_ratio

    def arrivals(self) -> Iterator[Arrival]:
        """Yield packets until told to stop. Raises Lost in any other case."""
        try:
            for packet in self._container.demux(self._video):
                if self._stopped.is_set():
                    return
                if packet.size:
                    yield self._arrival(packet)
                self._asked_at = monotonic()
        except (av.FFmpegError, OSError) as error:
            silent = monotonic() - self._silent_since
            raise Lost(trouble_reading(error, silent, self._timeout)) from None
        if not self._stopped.is_set():
            raise Lost(Trouble(Cause.ENDED_BY_PEER))

    def decode(self, packet: av.Packet[VideoStream] | None, skip: Skip) -> list[av.VideoFrame]:
        """Return what a packet completes; None: all that is left. Raises av.FFmpegError."""
        self._video.codec_context.skip_frame = skip.value
        return self._video.decode(packet)

    def close(self) -> None:
        """Hang up."""
        self._files.close()

    def _choose(self) -> VideoStream:
        video = first_video_stream(self._container)
        if video is None:
            raise Lost(Trouble(Cause.UNSUPPORTED, "there is no video in it"))
        if video.codec_context is None:
            raise Lost(Trouble(Cause.UNSUPPORTED, "FFmpeg has no decoder for it"))
        video.codec_context.thread_count = 1
        video.codec_context.thread_type = ThreadType.SLICE  # by frames, some would be held back
        video.codec_context.flags |= Flags.low_delay
        return video

    def _arrival(self, packet: av.Packet[VideoStream]) -> Arrival:
        arrived_at = self._silent_since = monotonic()
        waited = arrived_at - self._asked_at > AT_ONCE
        if packet.pts is None:
            packet.pts = self._first_pts
        self._first_pts = None
        camera_at = None
        if packet.has_sidedata("prft"):
            captured, _ = _PRFT.unpack_from(bytes(packet.get_sidedata("prft")))
            camera_at = arrived_at - (time() - captured / 1e6)
        return Arrival(packet, packet.pts, arrived_at, camera_at, waited)
