"""The delay of packets, judged in the order of decoding.

A camera with B-frames sends a frame before the ones that are shown before it and refer to it. So
the frames arrive in another order than they are shown in, and a frame's own time says little about
when it should arrive. Two other times do, and neither has to be known from the stream:

- The time in the order of decoding: the n-th packet belongs to the n-th smallest time. An encoder
  that sends one packet per frame sends them in step with it.
- The latest time so far. An encoder that sends a frame and the B-frames before it at once sends
  them in step with it.

The smaller of the two delays counts: the constant delay of reordering is in neither.
"""

from __future__ import annotations

from bisect import insort
from collections import deque

MAX_REORDER = 16  # frames: no codec shows frames further out of their order of decoding
WINDOW = 10.0  # seconds: even a bad network passes one frame without delay in that time


class SlidingMinimum:
    """The minimum of the values of the last `window` seconds."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._candidates: deque[tuple[float, float]] = deque()  # (when, value), values increasing

    def minimum(self, now: float, value: float) -> float:
        """Add a value, and return the minimum."""
        while self._candidates and self._candidates[-1][1] >= value:
            self._candidates.pop()
        self._candidates.append((now, value))
        while self._candidates[0][0] < now - self._window:
            self._candidates.popleft()
        return self._candidates[0][1]


class _AtDepth:
    """The delays of packets, if frames are reordered by at most `depth` frames."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._latest: list[float] = []  # the largest times so far, ascending
        self._by_decoding = SlidingMinimum()
        self._by_latest = SlidingMinimum()

    def behind(self, seconds: float) -> int:
        """Return how many earlier packets have a later time."""
        return sum(time > seconds for time in self._latest)

    def late(self, arrived_at: float, seconds: float) -> float:
        """Add a packet, and return its delay."""
        insort(self._latest, seconds)
        self._latest = self._latest[-MAX_REORDER - 1 :]
        late = self._over(self._by_latest, arrived_at, self._latest[-1])
        if len(self._latest) > self.depth:  # before, the order of the times is not complete
            in_order = self._latest[-1 - self.depth]
            late = min(late, self._over(self._by_decoding, arrived_at, in_order))
        return late

    @staticmethod
    def _over(minimum: SlidingMinimum, arrived_at: float, seconds: float) -> float:
        difference = arrived_at - seconds
        return difference - minimum.minimum(arrived_at, difference)


class Lateness:
    """The delay of each packet beyond that of the fastest of the last ten seconds.

    How far frames are reordered is found from their times. When that grows, the delays of the last
    seconds are computed again, so that nothing known about the network is lost.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float]] = deque()  # arrival and time
        self._delays = _AtDepth(0)

    def restart(self) -> None:
        """Note that the times that follow have nothing to do with those before."""
        self._recent.clear()
        self._delays = _AtDepth(self._delays.depth)

    def late(self, arrived_at: float, seconds: float) -> float:
        """Return the delay of the next packet.

        arrived_at: seconds, never going back; seconds: the time at which its frame is shown
        """
        behind = min(self._delays.behind(seconds), MAX_REORDER)
        if behind > self._delays.depth:
            self._delays = _AtDepth(behind)
            for earlier in self._recent:
                self._delays.late(*earlier)
        self._recent.append((arrived_at, seconds))
        while self._recent[0][0] < arrived_at - WINDOW:
            self._recent.popleft()
        return self._delays.late(arrived_at, seconds)
