"""Live streams: RTSP, HTTP MJPEG, HLS, V4L2 cameras and pipes, connected to again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Event
from types import MappingProxyType

from detector.errors import UsageError
from pipeline.connections.backoff import Backoff
from pipeline.connections.status import Cause, State, Status, Trouble
from pipeline.frame import Stream
from pipeline.media.container import FALLBACK_INTERVAL
from pipeline.redaction import without_password
from pipeline.sources import Decoded, Skipped, SourceError, source_kind
from pipeline.sources.conversion import Pictures
from pipeline.sources.live.clock import LiveClock
from pipeline.sources.live.connection import Connection, Lost
from pipeline.sources.live.demuxers import Transport, address
from pipeline.sources.live.packets import Decoding, Scenes, Seen

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


class Live:
    """The pictures of a stream that waits for nobody, over as many connections as it takes.

    Its times are those of the camera, put on one line over all connections (see LiveClock): `pts`
    counts 1/90000 s from the first picture. No picture is made up or shown twice; what is sent and
    not decoded is named.

    transport: of RTSP, tcp or udp
    timeout_seconds: how long a camera may stay silent, and how long a stop takes at most
    retry_seconds, longest_retry_seconds: the first pause before another attempt, and the longest
    reconnect: false: the first loss of the connection ends the stream
    max_age: seconds that a picture may be late; None: all are decoded
    ffmpeg: options of the demuxer, such as {video_size: 1280x720, input_format: mjpeg} for a camera
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        transport: Transport = "tcp",
        timeout_seconds: float = 5.0,
        retry_seconds: float = 0.5,
        longest_retry_seconds: float = 30.0,
        reconnect: bool = True,
        max_age: float | None = None,
        ffmpeg: Mapping[str, str] = NO_OPTIONS,
    ) -> None:
        shown = without_password(url)
        for option, value in (
            ("timeout_seconds", timeout_seconds),
            ("retry_seconds", retry_seconds),
            ("longest_retry_seconds", longest_retry_seconds),
        ):
            if not value > 0:
                raise UsageError(f"source '{shown}': {option}: {value} given: seconds, above 0")
        self._shown = shown
        self._name = name
        kind = source_kind(url)
        self._where = address(kind, url, transport, timeout_seconds, ffmpeg)
        self._timeout = timeout_seconds
        self._reconnect = reconnect
        self._max_age = max_age
        self._backoff = Backoff(retry_seconds, longest_retry_seconds)
        self._cut = Event()
        bursts = kind == "hls"
        self._clock = LiveClock(paced=bursts)
        self._seen = Seen() if bursts else None
        self._pictures = Pictures(shown)
        self._connection: Connection | None = None
        self._scenes = Scenes()
        self.status = Status(name)

    @property
    def faults(self) -> list[str]:
        """What the operator has to know: that the stream never came."""
        came = self.status.connections or self.status.trouble is None
        if came or self.status.state is State.FAILED:  # a failure is reported as such
            return []
        return [f"{self._shown}: never came: {self.status.trouble}"]

    def open(self) -> Stream:
        """Connect, however long that takes; after `stop`, return without a connection."""
        self._connection = self._connected()
        return Stream(
            name=self._name,
            url=self._shown,
            nominal_interval=self._connection.interval if self._connection else FALLBACK_INTERVAL,
            live=True,
            cut=self._cut,
        )

    def __iter__(self) -> Iterator[Decoded | Skipped]:
        """Yield what is sent, over all connections, until stopped."""
        while self._connection:
            trouble = None
            try:
                yield from self._decoding(self._connection).results()
            except Lost as lost:
                trouble = lost.trouble
            except SourceError as error:
                self.status.failed(Trouble(Cause.UNSUPPORTED, str(error)))
                raise
            self._connection.close()  # before the pause: the camera may serve few at a time
            if trouble:
                self._after(trouble)
            self._connection = self._connected()
        self.status.ended()

    def stop(self) -> None:
        """Read no further; a camera that is silent is waited for up to the time-out."""
        if self.status.state is not State.ENDED:
            self._cut.set()

    def close(self) -> None:
        """Hang up."""
        if self._connection:
            self._connection.close()

    def _connected(self) -> Connection | None:
        """Return the next connection, None where there will be none."""
        while not self._cut.is_set() and self.status.state is not State.ENDED:
            self.status.connecting()
            try:
                return Connection(self._where, self._timeout, self._cut)
            except Lost as lost:
                self._after(lost.trouble)
        return None

    def _after(self, trouble: Trouble) -> None:
        """Wait as long as `trouble` asks for, unless it is the end."""
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

    def _decoding(self, connection: Connection) -> Decoding:
        self._clock.reconnected()
        self._scenes.reconnected()
        return Decoding(
            connection,
            self._clock,
            self._pictures,
            self._scenes,
            self.status,
            max_age=self._max_age,
            patience=self._timeout,
            seen=self._seen,
            stopped=self._cut,
        )
