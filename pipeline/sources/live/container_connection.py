"""One connection that FFmpeg makes: RTSP, HLS, pipes and V4L2 cameras."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from threading import Event
from time import monotonic, time
from typing import cast

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from pipeline.codecs.stream_decoder import StreamDecoder
from pipeline.connections.causes import trouble_opening, trouble_reading
from pipeline.connections.peer_socket import Stopped
from pipeline.connections.status import Cause, Disconnected, Trouble
from pipeline.media.container import first_video_stream, nominal_interval
from pipeline.memory_limits import MAX_PACKET
from pipeline.packets.keyframe import format_of, has_lengths
from pipeline.packets.packet import PacketFormat
from pipeline.sources.live.connection import (
    NO_WAIT,
    Arrival,
    Connection,
    Sound,
    refused_sizes,
    without_delay,
)
from pipeline.sources.live.demuxers import Address, open_live
from pipeline.sources.live.packet_gate import Skip
from pipeline.sources.pixel_aspect import PixelAspects

_PRFT = struct.Struct("=qi")  # AVProducerReferenceTime: microseconds since 1970, flags


class ContainerConnection(Connection):
    """A stream that FFmpeg demuxes.

    timeout: seconds of silence after which the connection is lost
    stopped: ends reading at the next packet
    Raises Disconnected if no connection can be made.
    """

    def __init__(self, where: Address, timeout: float, stopped: Event) -> None:
        self._timeout = timeout
        self._limit = where.limit
        self._stopped = stopped
        self._files = ExitStack()
        began_at = monotonic()
        try:
            self._container, self._hls = open_live(where, timeout, stopped, self._files)
        except (av.FFmpegError, OSError) as error:
            self._files.close()
            # not chained: the text of FFmpeg's error has the password
            raise Disconnected(trouble_opening(error, monotonic() - began_at, timeout)) from None
        except Disconnected:
            self._files.close()
            raise
        try:
            self._video = self._video_stream()
        except Disconnected:
            self.close()
            raise
        decoder = StreamDecoder(self._video.codec_context, where.decoder)
        self._files.callback(decoder.close)
        self._aspects = PixelAspects(self._video, decoder)
        self._audio = [each for each in self._container.streams.audio if where.audio]
        self._tracks = {each.index: track for track, each in enumerate(self._audio, 1)}
        self.codec = self._video.codec_context.name
        self.start_codes = not has_lengths(self._video)
        self.interval = nominal_interval(self._video)
        assert self._video.time_base
        self.time_base = self._video.time_base
        self._silent_since = self._asked_at = monotonic()
        # The first packet of an RTSP stream has no time; the times of the stream start with it.
        is_rtsp = self._container.format.name == "rtsp"
        self._starting = set(range(len(self._container.streams))) if is_rtsp else set()

    @property
    def finished(self) -> bool:  # type: ignore[override]  # a playlist ends at some time
        """Whether what is read has an end: a playlist that will not grow."""
        return self._hls is not None and self._hls.finished

    def arrivals(self) -> Iterator[Arrival | Sound]:
        """Yield packets until stopped. Any other end raises Disconnected."""
        try:
            for packet in self._container.demux(self._video, *self._audio):
                if self._stopped.is_set():
                    return
                _refuse_huge(packet.size)
                if packet.size:
                    self._time_first(packet)
                    yield self._received(packet)
                self._asked_at = monotonic()
        except Stopped:
            return
        except (av.FFmpegError, OSError) as error:
            silent = monotonic() - self._silent_since
            raise Disconnected(trouble_reading(error, silent, self._timeout)) from None
        if not self._stopped.is_set():
            raise Disconnected(Trouble(Cause.ENDED_BY_PEER))

    def packet_format(self, keyframe: bytes) -> PacketFormat:
        """Return what a recorder needs to know about the packets, from one of the keyframes.

        Raises av.FFmpegError or ValueError if packets of this codec cannot be copied.
        """
        return format_of(self.codec, self.time_base, keyframe, self._video, self._audio)

    def decode(self, packet: av.Packet[VideoStream] | None, skip: Skip) -> list[av.VideoFrame]:
        """Return the frames that a packet completes; None: flush; see StreamDecoder."""
        try:
            return self._aspects.decode(packet, skip.value)
        except av.FFmpegError as error:
            if packet:  # else the connection ends anyway
                with refused_sizes():
                    self._limit.check_failed(self._video.codec_context, error)
            raise

    def pixel_aspect(self, frame: av.VideoFrame) -> Fraction | None:
        """Return width of a pixel of a frame by its height; None if nothing states it."""
        return self._aspects.of(frame)

    def close(self) -> None:
        """Close the connection."""
        self._files.close()

    def _video_stream(self) -> VideoStream:
        video = first_video_stream(self._container)
        if video is None:
            raise Disconnected(Trouble(Cause.UNSUPPORTED, "it has no video stream"))
        if video.codec_context is None:
            raise Disconnected(Trouble(Cause.UNSUPPORTED, "FFmpeg has no decoder for it"))
        with refused_sizes():
            self._limit.check(video.width, video.height)
        without_delay(video.codec_context, self._limit)
        return video

    def _arrival(self, packet: av.Packet[VideoStream]) -> Arrival:
        arrived_at = self._silent_since = monotonic()
        waited = arrived_at - self._asked_at > NO_WAIT
        camera_at = None
        if packet.has_sidedata("prft"):
            captured, _ = _PRFT.unpack_from(bytes(packet.get_sidedata("prft")))
            camera_at = arrived_at - (time() - captured / 1e6)
        return Arrival(packet, packet.pts, arrived_at, camera_at, waited)

    def _received(self, packet: Packet[Stream]) -> Arrival | Sound:
        if packet.stream_index in self._tracks:
            return self._sound(cast("Packet[AudioStream]", packet))
        return self._arrival(cast("Packet[VideoStream]", packet))

    def _sound(self, packet: Packet[AudioStream]) -> Sound:
        now = monotonic()
        if now - self._silent_since > self._timeout:  # FFmpeg waits for a packet of any stream
            raise Disconnected(Trouble(Cause.TIMED_OUT, f"no video for {self._timeout:g} s"))
        return Sound(packet, self._tracks[packet.stream_index], now)

    def _time_first(self, packet: Packet[Stream]) -> None:
        if packet.stream_index in self._starting:
            self._starting.remove(packet.stream_index)
            packet.pts = packet.pts or 0


def _refuse_huge(size: int) -> None:
    if size > MAX_PACKET:
        detail = f"a frame of {size >> 20} MB; at most {MAX_PACKET >> 20} MB are read"
        raise Disconnected(Trouble(Cause.BAD_DATA, detail))
