"""The clock of a live stream: one time line over reconnects, and how late each picture is.

A camera's own times begin anew with each connection, may jump, and drift against ours. Here they
become one line in ticks of 1/90000 s that begins at 0 and follows real time over every gap.

How late a picture is, is seen from the distance between its time and its arrival: the shortest
distance of the last ten seconds belongs to a picture that nothing held up, and what a picture is
farther is what it waited: in the network, in a buffer, or for us. This needs no clock that agrees
with the camera's. Where the camera sends its clock (RTCP) and that agrees with ours, the time of
capture is taken from it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

HERTZ = 90_000  # the clock of video in RTP and in MPEG-TS
TIME_BASE = Fraction(1, HERTZ)
WINDOW = 10.0  # seconds: in it even a bad network lets one picture through at once
LEAP = 5.0  # seconds that a camera's time may gain on arrivals between two pictures
BACK = 2.0  # seconds that it may go back: more than any reordering of pictures
AGREEMENT = (-0.05, 2.0)  # seconds from capture to arrival that are believed; else clocks disagree


@dataclass(frozen=True, slots=True)
class Moment:
    """When a picture was taken, and when it came; seconds of `time.monotonic()`.

    ticks: on the stream's time line, in TIME_BASE
    due_at: when it would have arrived had nothing held it up; late: seconds that it was
    captured_at: by the camera's clock where that agrees with ours, else `due_at`
    """

    ticks: int
    due_at: float
    late: float
    captured_at: float


class SlidingMinimum:
    """The least of the values of the last seconds."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._least: deque[tuple[float, float]] = deque()  # (when, value), values increasing

    def least(self, now: float, value: float) -> float:
        """Add a value, and return the least."""
        while self._least and self._least[-1][1] >= value:
            self._least.pop()
        self._least.append((now, value))
        while self._least[0][0] < now - self._window:
            self._least.popleft()
        return self._least[0][1]


class LiveClock:
    """Times of one stream, asked for in the order of arrival.

    paced: pictures come many at once, as HLS brings them, and are to be shown one by one: `due_at`
        is then in the future for most
    """

    def __init__(self, *, paced: bool = False) -> None:
        self._paced = paced
        self._distance = SlidingMinimum()  # arrival minus stream time
        self._transit = SlidingMinimum()  # arrival minus capture by the camera's clock
        self._floor: float | None = None
        self._origin = 0  # stream time minus camera time, in ticks, of this connection
        self._before: tuple[int, float] | None = None  # camera time and arrival of the last one
        self.source = "arrival"  # of the times of capture

    def reconnected(self) -> None:
        """Note that the camera's times begin anew."""
        self._before = None
        self._transit = SlidingMinimum()

    def moment(
        self,
        pts: int | None,
        time_base: Fraction,
        arrived_at: float,
        camera_at: float | None,
        *,
        waited: bool = True,
    ) -> Moment:
        """Return the moment of a picture.

        pts: as the container gave it, None where it gave none
        camera_at: capture by the camera's clock as we read ours; None where it sends none
        waited: it was not there before we asked for it
        """
        ticks = self._on_our_line(pts, time_base, arrived_at)
        seconds = float(ticks * TIME_BASE)
        distance = arrived_at - seconds
        if not self._paced:
            self._floor = self._distance.least(arrived_at, distance)
        elif self._floor is None or (waited and distance > self._floor):
            self._floor = distance  # what was to be shown by now has only come now
        due_at = seconds + self._floor
        captured_at = self._by_camera(camera_at, arrived_at)
        return Moment(
            ticks, due_at, arrived_at - due_at, due_at if captured_at is None else captured_at
        )

    def _on_our_line(self, pts: int | None, time_base: Fraction, arrived_at: float) -> int:
        arrival = round((arrived_at - (arrived_at if self._floor is None else self._floor)) * HERTZ)
        if pts is None:
            return arrival
        given = round(pts * time_base * HERTZ)
        if self._before is None or self._leaps(given, arrived_at):
            self._origin = arrival - given
        self._before = (given, arrived_at)
        return given + self._origin

    def _leaps(self, given: int, arrived_at: float) -> bool:
        assert self._before
        gained = (given - self._before[0]) / HERTZ
        return gained < -BACK or gained > arrived_at - self._before[1] + LEAP

    def _by_camera(self, camera_at: float | None, arrived_at: float) -> float | None:
        if camera_at is None:
            self.source = "arrival"
            return None
        transit = self._transit.least(arrived_at, arrived_at - camera_at)
        if not AGREEMENT[0] <= transit <= AGREEMENT[1]:
            self.source = f"arrival: the camera's clock is {-transit:+.1f} s off"
            return None
        self.source = "camera (RTCP)"
        return min(camera_at, arrived_at)
