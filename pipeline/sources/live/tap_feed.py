"""The packets of a live source, on their way to its tap."""

from __future__ import annotations

import logging

import av

from pipeline.packets.packet import EncodedPacket
from pipeline.packets.tap import Tap
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.sources.live.clock import Moment
from pipeline.sources.live.connection import Arrival, Connection, Sound


class TapFeed:
    """Publishes packets; on the source's thread.

    A connection is announced with its first keyframe, because RTSP need not state the size of the
    video before. A keyframe with other parameter sets, or of another size, is announced as another
    format.

    name: of the stream, for the log
    """

    def __init__(self, tap: Tap, name: str) -> None:
        self._tap = tap
        self._log = RateLimitedLog(name)
        self._connection: Connection | None = None
        self._headers: object = None  # of the format that was announced
        self._announced = False
        self._ticks = 0  # of the last packet of video

    def connected(self, connection: Connection) -> None:
        """Begin a connection."""
        self._connection, self._announced = connection, False

    def video(self, arrival: Arrival, moment: Moment) -> None:
        """Publish a packet of video."""
        self._ticks = moment.ticks
        if not self._tap.wanted:
            self._announced = False  # keyframes were not looked at
            return
        packet, data = arrival.packet, bytes(arrival.packet)
        if packet.is_keyframe:
            self._announce(data)
        if self._announced:
            self._tap.put(
                EncodedPacket(
                    data=data,
                    track=0,
                    pts=arrival.pts,
                    dts=packet.dts,
                    duration=packet.duration or 0,
                    keyframe=packet.is_keyframe,
                    ticks=moment.ticks,
                    arrived_at=moment.arrived_at,
                    captured_at=moment.captured_at,
                )
            )

    def audio(self, sound: Sound) -> None:
        """Publish a packet of audio."""
        if not self._announced:
            return
        packet = sound.packet
        self._tap.put(
            EncodedPacket(
                data=bytes(packet),
                track=sound.track,
                pts=packet.pts,
                dts=packet.dts,
                duration=packet.duration or 0,
                keyframe=True,
                ticks=self._ticks,
                arrived_at=sound.arrived_at,
                captured_at=sound.arrived_at,
            )
        )

    def disconnected(self) -> None:
        """End the connection."""
        self._announced = False
        self._tap.disconnected()

    def close(self) -> None:
        """End the stream."""
        self._tap.close()

    def _announce(self, keyframe: bytes) -> None:
        """Announce the format, unless it is that of the keyframe before."""
        assert self._connection
        headers = self._connection.headers(keyframe)
        if self._announced and (headers == self._headers or not headers):
            return
        try:
            self._tap.connected(self._connection.packet_format(keyframe))
        except (av.FFmpegError, ValueError) as error:
            codec = self._connection.codec
            why = f"packets of {codec} cannot be recorded: {error}"
            self._log.log(logging.WARNING, why, codec)
            return
        self._headers, self._announced = headers, True
