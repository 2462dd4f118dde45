"""One connection to a live stream, from its opening to its loss: packets in, frames out."""

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
from pipeline.connections.status import Cause, Disconnected, Trouble
from pipeline.media.container import first_video_stream, nominal_interval
from pipeline.sources.live.demuxers import Address, open_live
from pipeline.sources.live.packet_gate import Skip

NO_WAIT = 0.005  # seconds: a packet that took longer to read had not arrived when we asked
_PRFT = struct.Struct("=qi")  # AVProducerReferenceTime: microseconds since 1970, flags


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


class Connection:
    """An open container and a decoder without delay, both on one thread.

    timeout: seconds of silence after which the connection is lost
    stopped: ends reading at the next packet
    Raises Disconnected if no connection can be made.
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
            # not chained: the text of FFmpeg's error has the password
            raise Disconnected(trouble_opening(error, monotonic() - began_at, timeout)) from None
        try:
            self._video = self._video_stream()
        except Disconnected:
            self.close()
            raise
        self._silent_since = self._asked_at = monotonic()
        # The first packet of an RTSP session has no time; the times of the session start with it.
        self._first_pts = 0 if self._container.format.name == "rtsp" else None

    @property
    def interval(self) -> Fraction:
        """Seconds between two frames, according to the container."""
        return nominal_interval(self._video)

    @property
    def time_base(self) -> Fraction:
        """Unit of the packets' times, in seconds."""
        assert self._video.time_base
        return self._video.time_base

    @property
    def pixel_aspect(self) -> Fraction | None:
        """Width of a pixel by its height, None if the stream does not say."""
        return self._video.sample_aspect_ratio

    def arrivals(self) -> Iterator[Arrival]:
        """Yield packets until stopped. Any other end raises Disconnected."""
        try:
            for packet in self._container.demux(self._video):
                if self._stopped.is_set():
                    return
                if packet.size:
                    yield self._arrival(packet)
                self._asked_at = monotonic()
        except (av.FFmpegError, OSError) as error:
            silent = monotonic() - self._silent_since
            raise Disconnected(trouble_reading(error, silent, self._timeout)) from None
        if not self._stopped.is_set():
            raise Disconnected(Trouble(Cause.ENDED_BY_PEER))

    def decode(self, packet: av.Packet[VideoStream] | None, skip: Skip) -> list[av.VideoFrame]:
        """Return the frames that a packet completes; None: flush. Raises av.FFmpegError."""
        self._video.codec_context.skip_frame = skip.value
        return self._video.decode(packet)

    def close(self) -> None:
        """Close the connection."""
        self._files.close()

    def _video_stream(self) -> VideoStream:
        video = first_video_stream(self._container)
        if video is None:
            raise Disconnected(Trouble(Cause.UNSUPPORTED, "it has no video stream"))
        if video.codec_context is None:
            raise Disconnected(Trouble(Cause.UNSUPPORTED, "FFmpeg has no decoder for it"))
        video.codec_context.thread_count = 1
        video.codec_context.thread_type = ThreadType.SLICE  # frame threads would delay frames
        video.codec_context.flags |= Flags.low_delay
        return video

    def _arrival(self, packet: av.Packet[VideoStream]) -> Arrival:
        arrived_at = self._silent_since = monotonic()
        waited = arrived_at - self._asked_at > NO_WAIT
        if packet.pts is None:
            packet.pts = self._first_pts
        self._first_pts = None
        camera_at = None
        if packet.has_sidedata("prft"):
            captured, _ = _PRFT.unpack_from(bytes(packet.get_sidedata("prft")))
            camera_at = arrived_at - (time() - captured / 1e6)
        return Arrival(packet, packet.pts, arrived_at, camera_at, waited)
