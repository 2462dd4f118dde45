"""Decoding times for packets: those of their container, or new ones, as RTSP has none."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappushpop
from itertools import pairwise


class DecodingTimes:
    """Gives packets, in the order of decoding, times of decoding that a container accepts.

    Where the container has none, they are the times of display in ascending order, later by as
    many packets as the stream reorders. So they increase, and none is after its packet's time of
    display.

    first: times of display of the first packets, of enough to see how many the stream reorders
    """

    def __init__(self, first: Sequence[int]) -> None:
        ordered = sorted(first)
        step = min((b - a for a, b in pairwise(ordered) if b > a), default=1)
        depth = reordered(first)
        self._waiting = [ordered[0] - step * k for k in range(1, depth + 1)] if first else []
        heapify(self._waiting)
        self._last: int | None = None
        self.repaired = 0  # packets whose time of display had to be changed

    def times(self, pts: int, given: int | None = None) -> tuple[int, int]:
        """Return the times of display and of decoding of the next packet.

        given: the container's time of decoding; it is used if it increases and is not after `pts`
        The time of display becomes later than `pts` if that is not after the decoding time of the
        packet before: a camera that repeats times, or reorders more than at first.
        """
        dts = heappushpop(self._waiting, pts)
        if given is not None and given <= pts and (self._last is None or given > self._last):
            dts = given
        if self._last is not None:
            dts = max(dts, self._last + 1)
        self._last = dts
        if pts < dts:
            self.repaired += 1
        return max(pts, dts), dts


def reordered(times: Sequence[int]) -> int:
    """Return before how many packets with later times a packet is displayed, at most."""
    return max(
        (sum(other > time for other in times[:place]) for place, time in enumerate(times)),
        default=0,
    )
