"""Annotated pictures to an RTSP server, or as one: live video that is never waited for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Protocol
from urllib.parse import urlsplit

from detector.errors import UsageError
from pipeline.connections.backoff import Backoff
from pipeline.connections.causes import trouble_opening
from pipeline.connections.status import Status
from pipeline.frame import Frame, NotWritten, Ticket, Tracked
from pipeline.media.rtp import parameter_sets
from pipeline.redaction import without_password
from pipeline.sinks import Sink
from pipeline.sinks.rtsp.encoder import HERTZ, EncoderName, LiveEncoder, Unit, choose
from pipeline.sinks.rtsp.publisher import Publication, Rejected
from pipeline.sinks.rtsp.server import ServedStream, require_server

log = logging.getLogger("framelane")

MOST_WAITING = 1 << 20  # bytes, beside what the system holds: some seconds of a street
NOT_CONNECTED = "not connected"
SLOW = "the receiver is slow"
HELD = "held by the encoder at the end"


class Receiver(Protocol):
    """Where access units go: a server that they are pushed to, or one of our own."""

    @property
    def backlog(self) -> int:
        """Bytes that wait because it is slow."""

    def send(self, unit: bytes, ticks: int, captured_at: float) -> None:
        """Send one access unit, now or as soon as it is taken. Raises OSError."""

    def keep_up(self) -> None:
        """Send what waits, and hear whether the other side is there. Raises OSError."""

    def close(self) -> None:
        """Hang up."""


class Rtsp(Sink):
    """Publishes one stream as H.264.

    While there is no connection nothing is encoded, and what follows one begins with a key
    picture: what is lost is whole groups of pictures. Where the receiver is slow, pictures are
    left out before they are encoded, so that what it gets can always be decoded.

    url: rtsp://user:password@host:port/path of a server that takes RECORD
    serve: be that server, for whoever wants to watch, instead of pushing to one
    encoder: auto takes the first of h264_nvenc, h264_v4l2m2m, h264_qsv, libx264 that works here
    bit_rate: bits per second, None for one by size; gop_seconds: between key pictures
    timeout_seconds: how long the receiver may take nothing
    retry_seconds, longest_retry_seconds: the first pause before another attempt, and the longest
    """

    wants_picture = True
    viewer = True

    def __init__(
        self,
        url: str,
        classes: Sequence[str] = (),
        *,
        serve: bool = False,
        encoder: EncoderName = "auto",
        bit_rate: int | None = None,
        gop_seconds: float = 1.0,
        timeout_seconds: float = 5.0,
        retry_seconds: float = 0.5,
        longest_retry_seconds: float = 30.0,
    ) -> None:
        shown = without_password(url)
        path = urlsplit(url).path.strip("/")
        if not urlsplit(url).hostname or not path:
            raise UsageError(f"output '{shown}': rtsp://HOST:PORT/PATH is expected")
        if serve:
            require_server(shown)
        self.name = f"rtsp {path}"
        self.status = Status(shown)
        self._encoder_name: EncoderName = encoder
        self._bit_rate = bit_rate
        self._gop_seconds = gop_seconds
        self._timeout = timeout_seconds
        self._backoff = Backoff(retry_seconds, longest_retry_seconds)
        self._connect: Callable[[bytes, bytes], Receiver] = lambda sps, pps: (
            ServedStream(url, timeout_seconds)
            if serve
            else Publication(url, sps, pps, timeout_seconds)
        )
        self._encoder: LiveEncoder | None = None
        self._receiver: Receiver | None = None
        self._next_attempt_at = 0.0
        self._held: dict[int, Frame] = {}  # by the encoder, under their pts
        self._first: Frame | None = None

    def open(self) -> None:
        """Find the encoder before there is a picture that would wait for it."""
        if self._encoder_name == "auto":
            choose()

    def process(self, item: Tracked) -> Iterable[Ticket | NotWritten]:
        """Send the picture, or say why not; waits only while a connection is made."""
        if self._receiver is None and monotonic() < self._next_attempt_at:
            return [NotWritten(item.frame.ticket, NOT_CONNECTED)]
        done: list[Ticket | NotWritten] = []
        try:
            self._publish(item, done)
        except (OSError, Rejected) as error:
            done += self._lose(error)
        return done

    def finish(self) -> Iterable[Ticket | NotWritten]:
        """Account for what the encoder still held: nobody waits for it any more."""
        left = [NotWritten(frame.ticket, HELD) for frame in self._held.values()]
        self._held.clear()
        self.status.ended()
        return left

    def close(self) -> None:
        """Hang up."""
        self.status.ended()
        if self._receiver:
            self._receiver.close()

    def _publish(self, item: Tracked, done: list[Ticket | NotWritten]) -> None:
        """Encode and send; `done` gets what has met its fate, also where sending fails."""
        if self._first is None:
            self._first = item.frame
        pts = round((item.frame.time - self._first.time) * HERTZ)
        self._held[pts] = item.frame
        if self._receiver:
            self._receiver.keep_up()
            if self._receiver.backlog > MOST_WAITING:
                done.append(NotWritten(self._held.pop(pts).ticket, SLOW))
                return
        for unit in self._encode(item, pts, key=self._receiver is None):
            held = self._held.get(unit.pts)
            if held is None:
                continue  # it was left out while the encoder held it
            if self._receiver is None:
                self._receiver = self._connected(unit)
            self._receiver.send(unit.data, unit.pts, held.captured_at)
            self.status.picture(float(held.stream.nominal_interval))
            done.append(self._held.pop(unit.pts).ticket)

    def _encode(self, item: Tracked, pts: int, *, key: bool) -> list[Unit]:
        assert item.drawn is not None, "the builder gives pictures to sinks that want them"
        picture = item.frame.picture
        if self._encoder is None:
            self._encoder = LiveEncoder(
                self._encoder_name,
                (picture.width, picture.height),
                interval=item.frame.stream.nominal_interval,
                gop_seconds=self._gop_seconds,
                bit_rate=self._bit_rate,
            )
        return self._encoder.encode(item.drawn, pts, key=key)

    def _connected(self, unit: Unit) -> Receiver:
        """Return a new connection, which begins with this access unit."""
        self.status.connecting()
        sets = parameter_sets(unit.data)
        assert sets, "a key picture comes with its parameter sets"
        receiver = self._connect(*sets)
        self.status.live()
        return receiver

    def _lose(self, error: OSError | Rejected) -> list[NotWritten]:
        """Note that there is no connection, and leave out what was on its way to it."""
        trouble = (
            error.trouble
            if isinstance(error, Rejected)
            else trouble_opening(error, 0.0, self._timeout)
        )
        if self._receiver:
            self._receiver.close()
            self._receiver = None
        pause = self._backoff.pause(trouble.cause, self.status.live_seconds)
        self.status.lost(trouble, pause)
        self._next_attempt_at = monotonic() + pause
        left = [NotWritten(frame.ticket, NOT_CONNECTED) for frame in self._held.values()]
        self._held.clear()
        return left
