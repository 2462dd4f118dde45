"""The packets of one connection become frames, each with its time, or reasons why there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from threading import Event
from time import monotonic

import av

from pipeline.codecs.packet_note import is_damaged
from pipeline.codecs.stream_decoder import NotDecoded
from pipeline.connections.status import Cause, Disconnected, Status, Trouble
from pipeline.sources import Decoded, Skipped
from pipeline.sources.conversion import FrameConverter
from pipeline.sources.live.clock import HERTZ, TIME_BASE, LiveClock, Moment
from pipeline.sources.live.connection import Arrival, Connection, Sound
from pipeline.sources.live.packet_gate import (
    NO_FRAME,
    NOT_REFERENCED,
    REPEATED,
    UNDECODABLE,
    PacketGate,
    Skip,
)
from pipeline.sources.live.repeats import RepeatFilter
from pipeline.sources.live.tap_feed import TapFeed

NEW_SCENE_SECONDS = 2.0  # of a lost connection, after which objects may be different ones
INTERVAL_PACKETS = 32  # over which the frame interval is measured


class Scenes:
    """Numbers the scenes of a stream: frames of one size without a long gap between them."""

    def __init__(self) -> None:
        self._number = 0
        self._size: tuple[int, int] | None = None
        self._ticks = 0
        self._reconnected = False

    def reconnected(self) -> None:
        """Note that frames may be missing before the next one."""
        self._reconnected = True

    def number(self, size: tuple[int, int], ticks: int) -> int:
        """Return the scene of the next frame; ticks: its time."""
        away = self._reconnected and ticks - self._ticks > NEW_SCENE_SECONDS * HERTZ
        if self._size is not None and (size != self._size or away):
            self._number += 1
        self._size, self._ticks, self._reconnected = size, ticks, False
        return self._number


class Decoding:
    """The frames of one connection, in display order; on the stream's thread.

    max_age: seconds that a frame may be late; None: all are decoded
    feed: gets every packet, also those that are not decoded
    patience: seconds that frames may be missing or damaged while packets arrive
    repeats: for streams that repeat frames after a reconnect; None for the others
    stopped: ends the wait until a frame is due
    """

    def __init__(
        self,
        connection: Connection,
        clock: LiveClock,
        converter: FrameConverter,
        scenes: Scenes,
        status: Status,
        feed: TapFeed,
        *,
        max_age: float | None,
        patience: float,
        repeats: RepeatFilter | None,
        stopped: Event,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._converter = converter
        self._scenes = scenes
        self._status = status
        self._feed = feed
        self._max_age = max_age
        self._patience = patience
        self._repeats = repeats
        self._stopped = stopped
        self._any_new = False  # a packet was not a repeat
        self._gate = PacketGate(max_age, patience)
        self._in_decoder = _InDecoder()
        self._times: deque[int] = deque(maxlen=INTERVAL_PACKETS)  # ticks of the last packets
        self._last: Moment | None = None  # of the last packet
        self._live = False  # a frame has been decoded
        if repeats:
            repeats.reconnected(connection.time_base, finished=connection.finished)
        self._no_frame_since: float | None = None  # since when there has been no good frame

    def results(self) -> Iterator[Decoded | Skipped]:
        """Yield frames and reasons until stopped. Raises Disconnected."""
        lost: Disconnected | None = None
        try:
            for arrival in self._connection.arrivals():
                if isinstance(arrival, Sound):
                    self._feed.audio(arrival)
                else:
                    yield from self._result(arrival)
        except Disconnected as caught:
            lost = caught
        yield from self._decode(None, Skip.NOTHING)
        yield from map(Skipped, self._in_decoder.drop_before(None))
        if lost:
            raise lost

    def _arrived(self, arrival: Arrival) -> tuple[Moment, bool]:
        """Publish a packet; return its moment, and whether it is a repeat."""
        repeated = self._is_repeated(arrival)
        self._last = moment = self._clock.moment(
            arrival.pts,
            self._connection.time_base,
            arrival.arrived_at,
            arrival.camera_at,
            waited=arrival.waited,
            keyframe=arrival.packet.is_keyframe,
        )
        if not repeated:
            self._feed.video(arrival, moment)
        self._status.clock_source = self._clock.source
        self._times.append(moment.ticks)
        return moment, repeated

    def _result(self, arrival: Arrival) -> Iterator[Decoded | Skipped]:
        moment, repeated = self._arrived(arrival)
        refusal = self._gate.refuses(arrival.packet.is_keyframe, moment.late, arrival.arrived_at)
        if refusal:
            self._no_frame_since = None  # a skipped packet says nothing about the data
            yield Skipped(refusal)
            return
        self._in_decoder.add(arrival.pts, _Sent(moment, self._gate.skip, repeated))
        yield from self._decode(arrival, self._gate.skip)
        self._check_frames_come(arrival.arrived_at)

    def _is_repeated(self, arrival: Arrival) -> bool:
        if self._repeats is None:
            return False
        repeated = self._repeats.is_repeated(arrival.pts, bytes(arrival.packet))
        if not repeated and not self._any_new:
            self._any_new = True
            self._clock.reconnected()  # a long recording that starts again takes no time
        return repeated

    def _decode(self, arrival: Arrival | None, skip: Skip) -> Iterator[Decoded | Skipped]:
        """Yield what a packet completes; None: what is still in the decoder."""
        try:
            frames = self._connection.decode(arrival.packet if arrival else None, skip)
        except av.FFmpegError:
            if arrival:  # else the frames are lost, and counted as such
                self._in_decoder.pop(arrival.pts)
                yield Skipped(UNDECODABLE)
            return
        except NotDecoded as waits:
            self._no_frame_since = None  # the data may be good
            if arrival:
                self._in_decoder.pop(arrival.pts)
                yield Skipped(str(waits))
            return
        for frame in frames:
            sent = self._in_decoder.pop(frame.pts)
            if sent is None:
                continue
            yield from map(Skipped, self._in_decoder.drop_before(sent))
            if sent.repeated:
                self._no_frame_since = None
                yield Skipped(REPEATED)
            else:
                self._stopped.wait(sent.moment.due_at - monotonic())
                yield self._decoded(frame, sent.moment)

    def _decoded(self, frame: av.VideoFrame, moment: Moment) -> Decoded:
        if not self._live:
            self._live = True
            self._status.live()
        self._status.frame(self._interval)
        damaged = is_damaged(frame)
        self._status.damaged += damaged
        if not damaged:
            self._no_frame_since = None
        picture = self._converter.picture(frame, self._connection.pixel_aspect(frame))
        expires_at = inf
        if self._max_age is not None and self._last:
            # A frame leaves the decoder with a later packet: before that it cannot be used.
            expires_at = max(moment.due_at, self._last.undelayed_at) + self._max_age
        return Decoded(
            pts=moment.ticks,
            time_base=TIME_BASE,
            captured_at=moment.captured_at,
            picture=picture,
            scene=self._scenes.number((picture.width, picture.height), moment.ticks),
            expires_at=expires_at,
        )

    def _check_frames_come(self, now: float) -> None:
        if self._no_frame_since is None:
            self._no_frame_since = now
        if now - self._no_frame_since > self._patience:
            raise Disconnected(
                Trouble(Cause.BAD_DATA, f"no undamaged frame for {self._patience:g} s")
            )

    @property
    def _interval(self) -> float | None:
        """Measured seconds between two frames as sent, None before the second."""
        if len(self._times) < 2:
            return None
        return (max(self._times) - min(self._times)) / HERTZ / (len(self._times) - 1)


class Demuxing(Decoding):
    """The packets of one connection, which go to the tap and are not decoded."""

    def results(self) -> Iterator[Decoded | Skipped]:
        """Publish packets until stopped; yield nothing. Raises Disconnected."""
        for arrival in self._connection.arrivals():
            if isinstance(arrival, Sound):
                self._feed.audio(arrival)
                continue
            self._arrived(arrival)
            if not self._live and arrival.packet.is_keyframe:
                self._live = True
                self._status.live()
            self._status.frame(self._interval)
        yield from ()


@dataclass(frozen=True, slots=True)
class _Sent:
    """A packet that the decoder has taken; repeated: its frame was shown before."""

    moment: Moment
    skip: Skip
    repeated: bool

    @property
    def place(self) -> tuple[bool, int]:
        """Place in the order of display: repeats, then new frames by the stream's time line.

        Times of the container may begin anew.
        """
        return not self.repeated, self.moment.ticks


class _InDecoder:
    """Packets that the decoder has taken and not yet turned into frames, by their times."""

    def __init__(self) -> None:
        self._sent: dict[int | None, _Sent] = {}

    def add(self, pts: int | None, sent: _Sent) -> None:
        """Add a packet."""
        self._sent[pts] = sent

    def pop(self, pts: int | None) -> _Sent | None:
        """Remove and return a packet, None if it is unknown."""
        return self._sent.pop(pts, None)

    def drop_before(self, shown: _Sent | None) -> list[str]:
        """Remove the packets that precede `shown` (None: all); return why each gave no frame.

        Frames come out in display order, so that earlier ones will not come any more.
        """
        gone = [
            pts
            for pts, sent in self._sent.items()
            if shown is None or (pts is not None and sent.place < shown.place)
        ]
        skips = [self._sent.pop(pts).skip for pts in gone]
        return [NOT_REFERENCED if skip is Skip.NOT_REFERENCED else NO_FRAME for skip in skips]
