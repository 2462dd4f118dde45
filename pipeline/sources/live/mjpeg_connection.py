"""One connection to a camera that sends JPEG images over HTTP (MJPEG)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from threading import Event
from time import monotonic
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from pipeline.codecs.stream_decoder import StreamDecoder
from pipeline.connections.peer_socket import Deadline, Stopped
from pipeline.connections.status import Cause, Disconnected, Trouble
from pipeline.media.container import FALLBACK_INTERVAL
from pipeline.packets.keyframe import format_of
from pipeline.packets.packet import PacketFormat
from pipeline.sources.live.connection import (
    NO_WAIT,
    Arrival,
    Connection,
    refused_sizes,
    without_delay,
)
from pipeline.sources.live.demuxers import Address
from pipeline.sources.live.http_client import Response
from pipeline.sources.live.jpeg_splitter import MAX_JPEG, JpegSplitter
from pipeline.sources.live.packet_gate import Skip
from pipeline.sources.pixel_limit import TooManyPixels
from pipeline.sources.web_page import HEAD_BYTES, WEB_PAGE, is_web_page

_READ_BYTES = 1 << 16
_MICROSECONDS = 1_000_000


class MjpegConnection(Connection):
    """A stream of JPEG images, each decoded on its own; their times are those of their arrival.

    timeout: seconds for the server's answer, and for each image
    stopped: ends every wait
    """

    codec = "mjpeg"
    interval = FALLBACK_INTERVAL
    time_base = Fraction(1, _MICROSECONDS)

    def __init__(self, where: Address, timeout: float, stopped: Event) -> None:
        self._timeout = timeout
        self._stopped = stopped
        self._began_at = monotonic()
        self._splitter = JpegSplitter()
        decoder = av.CodecContext.create("mjpeg", "r")
        assert isinstance(decoder, VideoCodecContext)
        self._limit = where.limit
        self._decoder = StreamDecoder(without_delay(decoder, self._limit), where.decoder)
        self._refused = False  # the last image was too large
        self._last = -1  # time of the last image
        self._read_at = 0.0
        self._head = b""  # of the body
        try:
            self._response = Response(where.url, Deadline(timeout, stopped), timeout, where.options)
        except Stopped:
            raise Disconnected(Trouble(Cause.ENDED_BY_PEER, "stopped")) from None

    def arrivals(self) -> Iterator[Arrival]:
        """Yield packets until stopped. Any other end raises Disconnected."""
        self._response.deadline.restart()
        try:
            while data := self._read():
                self._head = (self._head + data)[:HEAD_BYTES]
                images = self._splitter.feed(data)
                waited = monotonic() - self._read_at > NO_WAIT
                for image in images:
                    yield self._arrival(image, waited)
                    waited = False
                if self._splitter.too_long:
                    detail = f"an image of more than {MAX_JPEG >> 20} MB"
                    raise Disconnected(Trouble(Cause.BAD_DATA, detail))
                if images:
                    self._response.deadline.restart()
        except Stopped:
            return
        if is_web_page(self._head):
            raise Disconnected(Trouble(Cause.BAD_DATA, WEB_PAGE))
        raise Disconnected(Trouble(Cause.ENDED_BY_PEER))

    def packet_format(self, keyframe: bytes) -> PacketFormat:
        """Return what a recorder needs to know; raises av.FFmpegError for a broken image."""
        return format_of(self.codec, self.time_base, keyframe)

    def decode(self, packet: av.Packet[VideoStream] | None, skip: Skip) -> list[av.VideoFrame]:
        """Return the frame of an image; None: nothing is left; see StreamDecoder."""
        if packet is None:
            return []
        with refused_sizes():
            self._check_size(bytes(packet))
        return self._decoder.decode(packet)

    def close(self) -> None:
        """Close the connection."""
        self._decoder.close()
        self._response.close()

    def _check_size(self, image: bytes) -> None:
        """Raise TooManyPixels for the second of two images that are too large.

        A single one may be damaged; FFmpeg refuses it as well.
        """
        try:
            self._limit.check_header(image)
            self._refused = False
        except TooManyPixels:
            if self._refused:
                raise
            self._refused = True

    def _read(self) -> bytes:
        self._read_at = monotonic()
        try:
            return self._response.read(_READ_BYTES)
        except Disconnected as lost:
            if lost.trouble.cause is Cause.TIMED_OUT:
                detail = f"no complete JPEG image for {self._timeout:g} s"
                raise Disconnected(Trouble(Cause.TIMED_OUT, detail)) from None
            raise

    def _arrival(self, image: bytes, waited: bool) -> Arrival:
        now = monotonic()
        pts = max(round((now - self._began_at) * _MICROSECONDS), self._last + 1)
        self._last = pts
        packet = cast("av.Packet[VideoStream]", av.Packet(image))
        packet.pts = packet.dts = pts
        packet.time_base = self.time_base
        packet.is_keyframe = True
        return Arrival(packet, pts, now, None, waited)
