"""The part that both RTSP sinks share: encoding, reconnecting, and never making the run wait."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from math import inf
from threading import Event
from time import monotonic
from typing import ClassVar
from urllib.parse import urlsplit

from detector.errors import UsageError
from pipeline.codecs.encoder_choice import LIVE
from pipeline.codecs.encoders import EncoderName
from pipeline.connections.backoff import Backoff
from pipeline.connections.causes import trouble_opening
from pipeline.connections.peer_socket import Stopped
from pipeline.connections.status import Disconnected, Status
from pipeline.frames.fate import NotWritten, Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.result import Tracked
from pipeline.media.rtp import parameter_sets
from pipeline.redaction import shown_url
from pipeline.sinks import Sink
from pipeline.sinks.rtsp.encoder import HERTZ, EncoderLost, LiveEncoder, Unit
from pipeline.sinks.rtsp.receiver import Receiver

MAX_BACKLOG = 1 << 20  # bytes outside the kernel's buffer: a few seconds of a typical street
NOT_CONNECTED = "not connected"
SLOW = "the receiver is slow"
IN_ENCODER = "still in the encoder at the end"
ENCODER_LOST = "the encoder broke"
_log = logging.getLogger("framelane")


class RtspSink(Sink):
    """Publishes one stream as H.264.

    Without a connection nothing is encoded, and a connection starts with a keyframe, so that whole
    groups of pictures are lost. If the receiver is slow, frames are left out before they are
    encoded, so that it can decode everything it gets.

    encoder: auto: the first of this machine that keeps times and keyframes, without delay
    bit_rate: bits per second, None for one by frame size; gop_seconds: between keyframes
    timeout_seconds: how long the receiver may accept no data
    retry_seconds, max_retry_seconds: the first and the longest pause before another attempt
    """

    accepted: ClassVar[tuple[str, ...]] = ("rtsp://",)
    needs_drawing = True
    viewer = True

    def __init__(
        self,
        url: str,
        classes: Sequence[str] = (),
        *,
        encoder: EncoderName = "auto",
        bit_rate: int | None = None,
        gop_seconds: float = 1.0,
        timeout_seconds: float = 5.0,
        retry_seconds: float = 0.5,
        max_retry_seconds: float = 30.0,
    ) -> None:
        shown = shown_url(url)
        path = urlsplit(url).path.strip("/")
        if not urlsplit(url).hostname or not path:
            raise UsageError(f"output '{shown}': give rtsp://HOST:PORT/PATH")
        shown_path = shown.partition("://")[2].partition("?")[0].partition("/")[2]
        self.name = f"rtsp {shown_path}"
        self.status: Status = Status(shown)
        self._url, self._shown = url, shown
        self._encoder_name: EncoderName = encoder
        self._bit_rate = bit_rate
        self._gop_seconds = gop_seconds
        self._timeout = timeout_seconds
        self._backoff = Backoff(retry_seconds, max_retry_seconds)
        self._encoder: LiveEncoder | None = None
        self._receiver: Receiver | None = None
        self._next_attempt_at = 0.0
        self._held: dict[int, Frame] = {}  # frames inside the encoder, by pts
        self._first: Frame | None = None

    @property
    def backlog(self) -> int:
        """Bytes that a slow receiver has not accepted yet, 0 without a connection."""
        return self._receiver.backlog if self._receiver else 0

    def open(self) -> None:
        """Choose the encoder before the first frame, which would have to wait for that."""
        LIVE.check(self._encoder_name, self._shown)

    def process(self, item: Tracked) -> Iterable[Ticket | NotWritten]:
        """Send the frame, or say why not; only connecting may wait."""
        if self._receiver is None and monotonic() < self._next_attempt_at:
            return [NotWritten(item.frame.ticket, NOT_CONNECTED)]
        done: list[Ticket | NotWritten] = []
        try:
            self._publish(item, done)
        except Stopped:
            self._next_attempt_at = inf
            done += self._not_sent()
        except EncoderLost as lost:  # the next frame opens another, which begins with a keyframe
            _log.warning("%s: %s: another encoder goes on", self._shown, lost)
            self._encoder = None
            done += self._not_sent(ENCODER_LOST)
        except (OSError, Disconnected) as error:
            done += self._disconnect(error)
        return done

    def finish(self) -> Iterable[Ticket | NotWritten]:
        """Account for the frames inside the encoder, which are not sent any more."""
        left = [NotWritten(frame.ticket, IN_ENCODER) for frame in self._held.values()]
        self._held.clear()
        self.status.ended()
        return left

    def close(self) -> None:
        """Close the connection."""
        self.status.ended()
        if self._receiver:
            self._receiver.close()

    def _connect(self, sps: bytes, pps: bytes, stopped: Event) -> Receiver:
        """Return a new connection. Raises OSError or Disconnected.

        sps, pps: parameter sets; stopped: ends the attempt early
        """
        raise NotImplementedError

    def _publish(self, item: Tracked, done: list[Ticket | NotWritten]) -> None:
        """Encode and send; `done` gets the fates of frames, also if sending fails."""
        if self._first is None:
            self._first = item.frame
        pts = round((item.frame.time - self._first.time) * HERTZ)
        self._held[pts] = item.frame
        if self._receiver:
            self._receiver.flush()
            if self._receiver.backlog > MAX_BACKLOG:
                done.append(NotWritten(self._held.pop(pts).ticket, SLOW))
                return
        for unit in self._encode(item, pts, keyframe=self._receiver is None):
            held = self._held.get(unit.pts)
            if held is None:
                continue  # it was accounted for when the last connection was lost
            if self._receiver is None:
                self._receiver = self._connected(unit, item.frame.stream.cut)
            self._receiver.send(unit.data, unit.pts, held.captured_at)
            self.status.frame(float(held.stream.nominal_interval))
            done.append(self._held.pop(unit.pts).ticket)

    def _encode(self, item: Tracked, pts: int, *, keyframe: bool) -> list[Unit]:
        assert item.drawn is not None, "the builder draws for sinks that want it"
        picture = item.frame.picture
        if self._encoder is None:
            self._encoder = LiveEncoder(
                self._encoder_name,
                self._shown,
                (picture.width, picture.height),
                pixel_aspect=picture.pixel_aspect,
                space=picture.space,
                colours=picture.colours,
                interval=item.frame.stream.nominal_interval,
                gop_seconds=self._gop_seconds,
                bit_rate=self._bit_rate,
            )
        return self._encoder.encode(item.drawn, pts, picture.pixel_aspect, keyframe=keyframe)

    def _connected(self, unit: Unit, stopped: Event) -> Receiver:
        """Return a new connection, which will start with this access unit."""
        self.status.connecting()
        sets = parameter_sets(unit.data)
        assert sets, "a keyframe comes with its parameter sets"
        receiver = self._connect(*sets, stopped)
        self.status.live()
        return receiver

    def _disconnect(self, error: OSError | Disconnected) -> list[NotWritten]:
        """Close the connection, and account for the frames that were not sent."""
        trouble = (
            error.trouble
            if isinstance(error, Disconnected)
            else trouble_opening(error, 0.0, self._timeout)
        )
        if self._receiver:
            self._receiver.close()
            self._receiver = None
        pause = self._backoff.pause(trouble.cause, self.status.live_seconds)
        self.status.lost(trouble, pause)
        self._next_attempt_at = monotonic() + pause
        return self._not_sent()

    def _not_sent(self, why: str = NOT_CONNECTED) -> list[NotWritten]:
        left = [NotWritten(frame.ticket, why) for frame in self._held.values()]
        self._held.clear()
        return left
