"""Live streams: RTSP, HTTP MJPEG, HLS, V4L2 cameras and pipes, with reconnects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from threading import Event
from types import MappingProxyType
from typing import ClassVar

from detector.errors import UsageError
from pipeline.codecs.choice import DecoderChoice, DecoderError, DecoderName
from pipeline.codecs.contexts import HARDWARE, Hardware
from pipeline.connections.backoff import Backoff
from pipeline.connections.status import Cause, Disconnected, State, Status, Trouble
from pipeline.frames.stream import Stream
from pipeline.media.container import FALLBACK_INTERVAL
from pipeline.memory_limits import MAX_PIXELS
from pipeline.packets.tap import Tap
from pipeline.redaction import shown_url
from pipeline.sources import Decoded, Skipped, Source, SourceError
from pipeline.sources.conversion import FrameConverter
from pipeline.sources.live.clock import LiveClock
from pipeline.sources.live.connection import Connection
from pipeline.sources.live.container_connection import ContainerConnection
from pipeline.sources.live.demuxers import Transport, address, live_kind
from pipeline.sources.live.hls_playlist import Variant
from pipeline.sources.live.http_client import OPTIONS
from pipeline.sources.live.mjpeg_connection import MjpegConnection
from pipeline.sources.live.packets import Decoding, Demuxing, Scenes
from pipeline.sources.live.repeats import RepeatFilter
from pipeline.sources.live.tap_feed import TapFeed
from pipeline.sources.pixel_limit import PixelLimit

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


class Live(Source):
    """The frames of a stream that does not wait for its reader, over any number of connections.

    Its times are the camera's, put on one time line over all connections (see LiveClock): `pts`
    counts 1/90000 s from the first frame. No frame is made up or shown twice. Each frame that is
    sent and not decoded is reported with a reason. Its packets are published before that, as they
    were sent.

    transport: of RTSP, tcp or udp
    timeout_seconds: how long a camera may stay silent, and how long a stop takes at most
    retry_seconds, max_retry_seconds: the first and the longest pause before another attempt
    reconnect: false: the stream ends with its first connection
    max_age: seconds that a frame may be late; None: all are decoded
    variant, max_height: of HLS, which of several to read: the best or the lowest of those that
        are not higher (pixels)
    max_pixels: of a frame; a connection with larger ones is given up before they are decoded
    audio: whether audio is read, too, for those who want the packets
    decoder: what decodes; auto: hardware if its first frame is that of software
    ffmpeg: options of the demuxer, such as {video_size: 1280x720, input_format: mjpeg} for a camera
    """

    accepted: ClassVar[str] = "rtsp(s)://, camera:N, mjpeg:URL, hls:URL, pipe:PATH"
    live: ClassVar[bool] = True
    _connection_reader: type[Decoding] = Decoding

    def __init__(
        self,
        url: str,
        name: str,
        hardware: Hardware = HARDWARE,
        *,
        transport: Transport = "tcp",
        timeout_seconds: float = 5.0,
        retry_seconds: float = 0.5,
        max_retry_seconds: float = 30.0,
        reconnect: bool = True,
        max_age: float | None = None,
        variant: Variant = "best",
        max_height: int | None = None,
        max_pixels: int = MAX_PIXELS,
        audio: bool = False,
        decoder: DecoderName = "auto",
        ffmpeg: Mapping[str, str] = NO_OPTIONS,
    ) -> None:
        shown = shown_url(url)
        for option, value in (
            ("timeout_seconds", timeout_seconds),
            ("retry_seconds", retry_seconds),
            ("max_retry_seconds", max_retry_seconds),
        ):
            if not value > 0:
                raise UsageError(f"source '{shown}': {option}: {value} given: it must be above 0")
        kind = live_kind(url)
        assert kind, "a URL that this source accepts"
        if kind == "mjpeg" and (unknown := ffmpeg.keys() - set(OPTIONS)):
            raise UsageError(
                f"source '{shown}': ffmpeg: {', '.join(sorted(unknown))} given: MJPEG over HTTP "
                f"has {', '.join(OPTIONS)}: leave out the others"
            )
        self._shown = shown
        self._name = name
        limit = PixelLimit.given(max_pixels, f"source '{shown}'")
        self.decoder: DecoderChoice = DecoderChoice(decoder, shown, hardware)
        self._address = replace(
            address(
                kind, url, transport, timeout_seconds, ffmpeg, variant, max_height, limit, audio
            ),
            decoder=self.decoder,
        )
        self._timeout = timeout_seconds
        self._reconnect = reconnect
        self._max_age = max_age
        self._backoff = Backoff(retry_seconds, max_retry_seconds)
        self._cut = Event()
        self._connection_class = MjpegConnection if kind == "mjpeg" else ContainerConnection
        is_hls = kind == "hls"  # many frames at once, some of them again after a reconnect
        self._clock = LiveClock(paced=is_hls)
        self._repeats = RepeatFilter() if is_hls else None
        self._converter = FrameConverter(shown, hardware)
        self._connection: Connection | None = None
        self._scenes = Scenes()
        self.status: Status = Status(name)
        self.tap: Tap = Tap()
        self._feed = TapFeed(self.tap, name)

    @staticmethod
    def accepts(url: str) -> bool:
        """Return whether `url` is a live stream."""
        return live_kind(url) is not None

    @property
    def faults(self) -> list[str]:
        """A line if the stream never connected."""
        connected = self.status.connections or self.status.trouble is None
        if connected or self.status.state is State.FAILED:  # which is reported as an error
            return []
        return [f"{self._shown}: never connected: {self.status.trouble}"]

    def open(self) -> Stream:
        """Connect, however long that takes; after `stop`, return without a connection.

        Raises SourceError, or DecoderError if the machine lacks the decoder that was asked for.
        """
        self._check_decoder()
        self._connection = self._connected()
        return Stream(
            name=self._name,
            url=self._shown,
            nominal_interval=self._connection.interval if self._connection else FALLBACK_INTERVAL,
            live=True,
            cut=self._cut,
        )

    def __iter__(self) -> Iterator[Decoded | Skipped]:
        """Yield the frames of all connections, until stopped."""
        while self._connection:
            trouble = None
            try:
                yield from self._reading(self._connection).results()
            except Disconnected as lost:
                trouble = lost.trouble
            except (SourceError, DecoderError) as error:
                self.status.failed(Trouble(Cause.UNSUPPORTED, str(error)))
                raise
            self._feed.disconnected()
            self._connection.close()  # before the pause: a camera may limit its connections
            if trouble and trouble.cause is Cause.ENDED_BY_PEER and self._connection.finished:
                break
            if trouble:
                self._after(trouble)
            self._connection = self._connected()
        self.status.ended()

    def stop(self) -> None:
        """End with the frame that is being read; a silent camera delays that by the time-out."""
        if self.status.state is not State.ENDED:
            self._cut.set()

    def close(self) -> None:
        """Close the connection; no more packets are published."""
        self._feed.disconnected()
        self._feed.close()
        if self._connection:
            self._connection.close()

    def _check_decoder(self) -> None:
        try:
            self.decoder.check()
        except DecoderError as error:
            self.status.failed(Trouble(Cause.UNSUPPORTED, str(error)))
            raise

    def _connected(self) -> Connection | None:
        """Return the next connection, None if there will be none."""
        while not self._cut.is_set() and self.status.state is not State.ENDED:
            self.status.connecting()
            try:
                return self._connection_class(self._address, self._timeout, self._cut)
            except Disconnected as failed:
                self._after(failed.trouble)
        return None

    def _after(self, trouble: Trouble) -> None:
        """Wait before the next attempt, or end the stream."""
        if self._cut.is_set():
            return
        if self._reconnect:
            pause = self._backoff.pause(trouble.cause, self.status.live_seconds)
            self.status.lost(trouble, pause)
            self._cut.wait(pause)
        elif trouble.cause is Cause.ENDED_BY_PEER and self.status.connections:
            self.status.ended()
        else:
            self._give_up(trouble)

    def _give_up(self, trouble: Trouble) -> None:
        self.status.failed(trouble)
        raise SourceError(f"{self._shown}: {trouble}")

    def _reading(self, connection: Connection) -> Decoding:
        self._clock.reconnected()
        self._scenes.reconnected()
        self._feed.connected(connection)
        return self._connection_reader(
            connection,
            self._clock,
            self._converter,
            self._scenes,
            self.status,
            self._feed,
            max_age=self._max_age,
            patience=self._timeout,
            repeats=self._repeats,
            stopped=self._cut,
        )


class LivePackets(Live):
    """A live stream that only publishes its packets: it yields no frames."""

    _connection_reader = Demuxing
