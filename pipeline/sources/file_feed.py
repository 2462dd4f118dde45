"""The packets of a recording on their way to its tap, with the times of the frames in them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction
from time import monotonic

import av
from av.video.stream import VideoStream

from pipeline.frames.stream import Epoch
from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat, TrackFormat, describe
from pipeline.packets.tap import Tap

log = logging.getLogger("framelane")


class FileFeed:
    """Publishes packets of video; on the source's thread.

    epochs: the clocks of the source so far, see Stream
    """

    def __init__(self, tap: Tap, video: VideoStream, epochs: Sequence[Epoch]) -> None:
        assert video.time_base
        self._tap = tap
        self._time_base: Fraction = video.time_base
        self._epochs = epochs
        self._first_shift = max(0, -(video.start_time or 0)) * self._time_base
        codec = video.codec_context
        track = TrackFormat("video", codec.name, self._time_base, codec.width, codec.height)
        try:
            tap.connected(PacketFormat((track,), describe([video])))
        except (av.FFmpegError, ValueError) as error:
            log.warning("packets of %s cannot be handed on: %s", codec.name, error)

    def packet(self, packet: av.Packet[VideoStream], offset: int) -> None:
        """Publish a packet; offset: of earlier rounds of a loop, in units of the time base."""
        if packet.pts is None or not self._tap.wanted:
            return
        now, pts = monotonic(), packet.pts + offset
        shift = self._epochs[-1].shift if self._epochs else self._first_shift
        self._tap.put(
            EncodedPacket(
                data=bytes(packet),
                track=0,
                pts=pts,
                dts=None if packet.dts is None else packet.dts + offset,
                duration=packet.duration or 0,
                keyframe=packet.is_keyframe,
                ticks=round((pts * self._time_base + shift) * HERTZ),
                arrived_at=now,
                captured_at=now,
            )
        )
