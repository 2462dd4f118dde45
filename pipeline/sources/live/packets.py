"""The packets of one connection become frames, each with its time, or reasons why there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import inf
from threading import Event
from time import monotonic

import av

from pipeline.connections.status import Cause, Disconnected, Status, Trouble
from pipeline.sources import Decoded, Skipped
from pipeline.sources.conversion import FrameConverter
from pipeline.sources.live.clock import HERTZ, TIME_BASE, LiveClock, Moment
from pipeline.sources.live.connection import Arrival, Connection
from pipeline.sources.live.packet_gate import (
    NO_FRAME,
    NOT_REFERENCED,
    REPEATED,
    UNDECODABLE,
    PacketGate,
    Skip,
)

NEW_SCENE_SECONDS = 2.0  # of a lost connection, after which objects may be different ones
INTERVAL_PACKETS = 32  # over which the frame interval is measured
REPEAT_SECONDS = 60.0  # a server that starts further back has restarted its times


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


class RepeatFilter:
    """Finds frames that were shown before: HLS starts some way back after a reconnect."""

    def __init__(self) -> None:
        self._seconds: float | None = None  # container time of the last new frame

    def is_repeated(self, seconds: float) -> bool:
        """Return whether the frame at `seconds` was shown before, and remember it."""
        known = self._seconds is not None and 0 <= self._seconds - seconds < REPEAT_SECONDS
        if not known:
            self._seconds = seconds
        return known


class Decoding:
    """The frames of one connection, in display order; on the stream's thread.

    max_age: seconds that a frame may be late; None: all are decoded
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
        self._max_age = max_age
        self._patience = patience
        self._repeats = repeats
        self._stopped = stopped
        self._gate = PacketGate(max_age, patience)
        self._in_decoder = _InDecoder()
        self._times: deque[int] = deque(maxlen=INTERVAL_PACKETS)  # ticks of the last packets
        self._live = False  # a frame has been decoded
        self._no_frame_since: float | None = None  # since when there has been no good frame

    def results(self) -> Iterator[Decoded | Skipped]:
        """Yield frames and reasons until stopped. Raises Disconnected."""
        lost: Disconnected | None = None
        try:
            for arrival in self._connection.arrivals():
                yield from self._result(arrival)
        except Disconnected as caught:
            lost = caught
        yield from self._flush()
        if lost:
            raise lost

    def _result(self, arrival: Arrival) -> Iterator[Decoded | Skipped]:
        moment = self._clock.moment(
            arrival.pts,
            self._connection.time_base,
            arrival.arrived_at,
            arrival.camera_at,
            waited=arrival.waited,
        )
        self._status.clock_source = self._clock.source
        self._times.append(moment.ticks)
        refusal = self._gate.refuses(arrival.packet.is_keyframe, moment.late, arrival.arrived_at)
        if refusal:
            self._no_frame_since = None  # a skipped packet says nothing about the data
            yield Skipped(refusal)
            return
        self._in_decoder.add(arrival.pts, moment, self._gate.skip)
        yield from self._decode(arrival)
        self._check_frames_come(arrival.arrived_at)

    def _decode(self, arrival: Arrival) -> Iterator[Decoded | Skipped]:
        try:
            frames = self._connection.decode(arrival.packet, self._gate.skip)
        except av.FFmpegError:
            self._in_decoder.pop(arrival.pts)
            yield Skipped(UNDECODABLE)
            return
        for frame in frames:
            yield from map(Skipped, self._in_decoder.drop_before(frame.pts))
            moment = self._in_decoder.pop(frame.pts)
            if moment is None:
                continue
            if self._is_repeated(frame):
                yield Skipped(REPEATED)
            else:
                self._stopped.wait(moment.due_at - monotonic())
                yield self._decoded(frame, moment)

    def _is_repeated(self, frame: av.VideoFrame) -> bool:
        if self._repeats is None or frame.pts is None:
            return False
        self._no_frame_since = None
        return self._repeats.is_repeated(float(frame.pts * self._connection.time_base))

    def _decoded(self, frame: av.VideoFrame, moment: Moment) -> Decoded:
        if not self._live:
            self._live = True
            self._status.live()
        self._status.frame(self._interval)
        self._status.damaged += frame.is_corrupt
        if not frame.is_corrupt:
            self._no_frame_since = None
        picture = self._converter.picture(frame, self._connection.pixel_aspect)
        expires_at = inf
        if self._max_age is not None:
            expires_at = moment.due_at + self._max_age
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

    def _flush(self) -> Iterator[Decoded | Skipped]:
        """Yield the frames that are still in the decoder, and reasons for the missing ones."""
        try:
            for frame in self._connection.decode(None, Skip.NOTHING):
                if (moment := self._in_decoder.pop(frame.pts)) is not None:
                    yield self._decoded(frame, moment)
        except av.FFmpegError:
            pass  # the frame is lost; the next line counts it
        yield from map(Skipped, self._in_decoder.drop_before(None))

    @property
    def _interval(self) -> float | None:
        """Measured seconds between two frames as sent, None before the second."""
        if len(self._times) < 2:
            return None
        return (max(self._times) - min(self._times)) / HERTZ / (len(self._times) - 1)


class _InDecoder:
    """Packets that the decoder has taken and not yet turned into frames, by their times."""

    def __init__(self) -> None:
        self._moments: dict[int | None, tuple[Moment, Skip]] = {}

    def add(self, pts: int | None, moment: Moment, skip: Skip) -> None:
        """Add a packet."""
        self._moments[pts] = moment, skip

    def pop(self, pts: int | None) -> Moment | None:
        """Remove a packet and return its moment, None if it is unknown."""
        moment, _ = self._moments.pop(pts, (None, None))
        return moment

    def drop_before(self, pts: int | None) -> list[str]:
        """Remove the packets before `pts` (None: all), and return why each gave no frame.

        Frames come out in display order, so that earlier ones will not come any more.
        """
        gone = [key for key in self._moments if pts is None or (key is not None and key < pts)]
        skips = [self._moments.pop(key)[1] for key in gone]
        return [NOT_REFERENCED if skip is Skip.NOT_REFERENCED else NO_FRAME for skip in skips]
