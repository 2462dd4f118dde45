"""The clock of a live stream: one time line over all connections, and the delay of each frame.

A camera's own times start again with each connection, may jump, and drift against our clock. Here
they become one time line in ticks of 1/90000 s, which starts at 0 and follows real time over gaps.

The delay of a frame is found from the difference between its arrival and its own time. The smallest
difference of the last ten seconds belongs to a frame without delay; any excess over it is delay, in
the network, in a buffer, or because we were slow to read. This needs no clock that agrees with the
camera's. If the camera sends its clock (RTCP) and that agrees with ours, the time of capture is
taken from it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from pipeline.sources.live.lateness import Lateness, SlidingMinimum

HERTZ = 90_000  # the clock of video in RTP and in MPEG-TS
TIME_BASE = Fraction(1, HERTZ)
MAX_LEAD = 5.0  # seconds that a camera's time may gain on the arrivals between two packets
MAX_STEP_BACK = 2.0  # seconds that it may go back,
MIN_STEP_BACK = 0.02  # seconds; less is rounding or jitter, also of a keyframe
MAX_STEPS = 8  # or frame intervals if that is more: B-frames of a slow stream are further apart
MEASURED_PACKETS = 32  # from which the frame interval is found
AGREEMENT = (-0.05, 2.0)  # plausible seconds from capture to arrival; outside, the clocks disagree


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame was captured and when its packet arrived; seconds of `time.monotonic()`.

    ticks: on the stream's time line, in TIME_BASE
    due_at: when the frame is to be shown, which for a camera is at once
    late: seconds of delay of the packet, judged in the order of decoding
    captured_at: by the camera's clock if that agrees with ours, else `due_at`
    arrived_at: of the packet
    """

    ticks: int
    due_at: float
    late: float
    captured_at: float
    arrived_at: float

    @property
    def undelayed_at(self) -> float:
        """When the packet would have arrived without delay."""
        return self.arrived_at - self.late


class LiveClock:
    """The times of one stream, packet by packet in the order of arrival.

    paced: many frames arrive at once, as in HLS, and are to be shown one by one: `due_at` is then
        in the future for most of them
    """

    def __init__(self, *, paced: bool = False) -> None:
        self._paced = paced
        self._differences = SlidingMinimum()  # arrival minus stream time
        self._transits = SlidingMinimum()  # arrival minus capture by the camera's clock
        self._lateness = Lateness()
        self._floor: float | None = None  # the smallest difference: that of a frame without delay
        self._origin = 0  # stream time minus camera time, in ticks, of this connection
        self._last: tuple[int, float] | None = None  # camera time and arrival of the last packet
        self._recent: deque[int] = deque(maxlen=MEASURED_PACKETS)  # camera times since a jump
        self.source = "arrival"  # of the times of capture

    def reconnected(self) -> None:
        """Note that the camera's times start again."""
        self._last = None
        self._transits = SlidingMinimum()

    def moment(
        self,
        pts: int | None,
        time_base: Fraction,
        arrived_at: float,
        camera_at: float | None,
        *,
        waited: bool = True,
        keyframe: bool = False,
    ) -> Moment:
        """Return the moment of a frame.

        pts: from the container, None if it has none
        camera_at: capture by the camera's clock, converted to ours; None if it sends no clock
        waited: the frame was not yet there when we asked for it
        keyframe: no packet before it has a later time, unless the camera's clock was restarted
        """
        ticks = self._on_time_line(pts, time_base, arrived_at, keyframe)
        seconds = float(ticks * TIME_BASE)
        difference = arrived_at - seconds
        if not self._paced:
            self._floor = self._differences.minimum(arrived_at, difference)
        elif self._floor is None or (waited and difference > self._floor):
            self._floor = difference  # the frame came after it was due: all later ones move too
        due_at = seconds + self._floor
        late = arrived_at - due_at if self._paced else self._lateness.late(arrived_at, seconds)
        captured_at = self._by_camera(camera_at, arrived_at)
        if captured_at is None:
            captured_at = due_at
        return Moment(ticks, due_at, late, captured_at, arrived_at)

    def _on_time_line(
        self, pts: int | None, time_base: Fraction, arrived_at: float, keyframe: bool
    ) -> int:
        arrival = round((arrived_at - (arrived_at if self._floor is None else self._floor)) * HERTZ)
        if pts is None:
            return arrival
        ticks = round(pts * time_base * HERTZ)
        if self._last is None:
            self._start(arrival - ticks)
        elif self._jumps(ticks, arrived_at, keyframe):
            # Frames that are paced are ahead of real time, so that they go on where they were.
            line = self._origin + max(self._recent) + round(self._interval * HERTZ)
            self._start((line if self._paced else arrival) - ticks)
        self._last = (ticks, arrived_at)
        self._recent.append(ticks)
        return ticks + self._origin

    def _start(self, origin: int) -> None:
        self._origin = origin
        self._recent.clear()
        self._lateness.restart()

    def _jumps(self, ticks: int, arrived_at: float, keyframe: bool) -> bool:
        assert self._last
        if keyframe and (max(self._recent) - ticks) / HERTZ > max(self._interval, MIN_STEP_BACK):
            return True
        gained = (ticks - self._last[0]) / HERTZ
        reordered = MAX_STEPS * self._interval
        step_back, lead = max(MAX_STEP_BACK, reordered), max(MAX_LEAD, reordered)
        return gained < -step_back or gained > arrived_at - self._last[1] + lead

    @property
    def _interval(self) -> float:
        """Measured seconds between two frames, 0 before the second."""
        if len(self._recent) < 2:
            return 0.0
        return (max(self._recent) - min(self._recent)) / HERTZ / (len(self._recent) - 1)

    def _by_camera(self, camera_at: float | None, arrived_at: float) -> float | None:
        if camera_at is None:
            self.source = "arrival"
            return None
        transit = self._transits.minimum(arrived_at, arrived_at - camera_at)
        if not AGREEMENT[0] <= transit <= AGREEMENT[1]:
            self.source = f"arrival: the camera's clock is {-transit:+.1f} s off"
            return None
        self.source = "camera (RTCP)"
        return min(camera_at, arrived_at)
