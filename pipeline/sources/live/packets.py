"""What becomes of the packets of one connection: a picture each, or a reason why there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import inf
from threading import Event
from time import monotonic

import av

from pipeline.connections.status import Cause, Status, Trouble
from pipeline.sources import Decoded, Skipped
from pipeline.sources.conversion import Pictures
from pipeline.sources.live.clock import HERTZ, TIME_BASE, LiveClock, Moment
from pipeline.sources.live.connection import Arrival, Connection, Lost
from pipeline.sources.live.packet_gate import NO_PICTURE, SEEN, UNDECODABLE, UNNEEDED, Gate, Skip

NEW_SCENE_SECONDS = 2.0  # without a connection: who comes back need not be who was there
MEASURED = 32  # packets over which the interval between two is measured
KEPT_SECONDS = 60.0  # a server that begins farther back began anew


class Scenes:
    """Numbers the scenes of a stream: pictures that follow upon each other, all of one size."""

    def __init__(self) -> None:
        self._number = 0
        self._size: tuple[int, int] | None = None
        self._ticks = 0
        self._reconnected = False

    def reconnected(self) -> None:
        """Note that pictures may be missing before the next."""
        self._reconnected = True

    def number(self, size: tuple[int, int], ticks: int) -> int:
        """Return the scene of the next picture; ticks: its time."""
        away = self._reconnected and ticks - self._ticks > NEW_SCENE_SECONDS * HERTZ
        if self._size is not None and (size != self._size or away):
            self._number += 1
        self._size, self._ticks, self._reconnected = size, ticks, False
        return self._number


class Seen:
    """Knows which pictures were shown before: HLS begins some way back after a reconnect."""

    def __init__(self) -> None:
        self._seconds: float | None = None  # of the last picture, by the container

    def before(self, seconds: float) -> bool:
        """Return whether the picture at `seconds` was shown, and remember it."""
        known = self._seconds is not None and 0 <= self._seconds - seconds < KEPT_SECONDS
        if not known:
            self._seconds = seconds
        return known


class Decoding:
    """The results of one connection, in the order of display; on the stream's thread.

    max_age: seconds that a picture may be late; None: all are decoded
    patience: seconds that pictures may be missing or damaged while packets come
    seen: where pictures may come again, and many at once; stopped: ends the wait for their time
    """

    def __init__(
        self,
        connection: Connection,
        clock: LiveClock,
        pictures: Pictures,
        scenes: Scenes,
        status: Status,
        *,
        max_age: float | None,
        patience: float,
        seen: Seen | None,
        stopped: Event,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._pictures = pictures
        self._scenes = scenes
        self._status = status
        self._max_age = max_age
        self._patience = patience
        self._seen = seen
        self._stopped = stopped
        self._gate = Gate(max_age, patience)
        self._under_way = _UnderWay()
        self._times: deque[int] = deque(maxlen=MEASURED)  # ticks of the last packets
        self._came = False  # any picture
        self._vain_since: float | None = None  # since when nothing good came out

    def results(self) -> Iterator[Decoded | Skipped]:
        """Yield pictures and reasons until told to stop. Raises Lost."""
        lost: Lost | None = None
        try:
            for arrival in self._connection.arrivals():
                yield from self._result(arrival)
        except Lost as caught:
            lost = caught
        yield from self._rest()
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
            self._vain_since = None  # what is not decoded cannot show anything
            yield Skipped(refusal)
            return
        self._under_way.enter(arrival.pts, moment, self._gate.skip)
        yield from self._pictures_of(arrival)
        self._expect_pictures(arrival.arrived_at)

    def _pictures_of(self, arrival: Arrival) -> Iterator[Decoded | Skipped]:
        try:
            frames = self._connection.decode(arrival.packet, self._gate.skip)
        except av.FFmpegError:
            self._under_way.leave(arrival.pts)
            yield Skipped(UNDECODABLE)
            return
        for frame in frames:
            yield from map(Skipped, self._under_way.overtaken(frame.pts))
            moment = self._under_way.leave(frame.pts)
            if moment is None:
                continue
            if self._was_seen(frame):
                yield Skipped(SEEN)
            else:
                self._stopped.wait(moment.due_at - monotonic())
                yield self._decoded(frame, moment)

    def _was_seen(self, frame: av.VideoFrame) -> bool:
        if self._seen is None or frame.pts is None:
            return False
        self._vain_since = None
        return self._seen.before(float(frame.pts * self._connection.time_base))

    def _decoded(self, frame: av.VideoFrame, moment: Moment) -> Decoded:
        if not self._came:
            self._came = True
            self._status.live()
        self._status.picture(self._interval)
        self._status.damaged += frame.is_corrupt
        if not frame.is_corrupt:
            self._vain_since = None
        picture = self._pictures.picture(frame, self._connection.pixel_aspect)
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

    def _expect_pictures(self, now: float) -> None:
        if self._vain_since is None:
            self._vain_since = now
        if now - self._vain_since > self._patience:
            raise Lost(Trouble(Cause.BAD_DATA, f"no good picture for {self._patience:g} s"))

    def _rest(self) -> Iterator[Decoded | Skipped]:
        """Yield what the decoder still holds, and account for the rest."""
        try:
            for frame in self._connection.decode(None, Skip.NOTHING):
                if (moment := self._under_way.leave(frame.pts)) is not None:
                    yield self._decoded(frame, moment)
        except av.FFmpegError:
            pass  # it is lost, and counted as such below
        yield from map(Skipped, self._under_way.overtaken(None))

    @property
    def _interval(self) -> float | None:
        """Seconds between two pictures that are sent, measured."""
        if len(self._times) < 2:
            return None
        return (max(self._times) - min(self._times)) / HERTZ / (len(self._times) - 1)


class _UnderWay:
    """Packets that went into the decoder and have not come out as a picture, by their times."""

    def __init__(self) -> None:
        self._moments: dict[int | None, tuple[Moment, Skip]] = {}

    def enter(self, pts: int | None, moment: Moment, skip: Skip) -> None:
        """Note a packet."""
        self._moments[pts] = moment, skip

    def leave(self, pts: int | None) -> Moment | None:
        """Forget a packet and return its moment, None where it is not known."""
        moment, _ = self._moments.pop(pts, (None, None))
        return moment

    def overtaken(self, pts: int | None) -> list[str]:
        """Forget those before `pts` (None: all), and return why each gave no picture.

        Pictures come out in the order of display: what is passed over will not come.
        """
        gone = [key for key in self._moments if pts is None or (key is not None and key < pts)]
        skips = [self._moments.pop(key)[1] for key in gone]
        return [UNNEEDED if skip is Skip.UNNEEDED else NO_PICTURE for skip in skips]
