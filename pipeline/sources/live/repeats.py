"""Packets that are sent again: HLS starts some way back after a reconnect."""

from __future__ import annotations

from fractions import Fraction

from pipeline.media.container import WRAP

REMEMBERED = 4096  # packets: a minute of the fastest streams, more than servers go back


class RepeatFilter:
    """Finds packets that an earlier connection has delivered.

    A repeat has the time and the bytes of a packet of before. Times alone say nothing: an encoder
    that was restarted, and a discontinuity, use old times for new frames. Only the first run of
    repeats after a reconnect counts: a playlist may show a clip again on purpose.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int | None, int], None] = {}  # time and hash, oldest first
        self._before: set[tuple[int | None, int]] = set()  # of earlier connections
        self._met = False  # this connection has repeated something
        self._from_start = False
        self._last: int | None = None  # the latest packet of the earlier connections

    def reconnected(self, time_base: Fraction, *, finished: bool) -> None:
        """Note a new connection.

        time_base: of the packets' times
        finished: its playlist has an end, so that it starts with its first segment
        """
        self._before = set(self._seen)
        self._last = next(reversed(self._seen))[0] if self._seen else None
        self._met = False
        self._from_start = finished and self._last is not None
        self._period = int(WRAP / time_base)

    def is_repeated(self, pts: int | None, data: bytes) -> bool:
        """Return whether a packet was sent before, and remember it."""
        # the demuxer may add or subtract a period, depending on where it started
        pts = None if pts is None else pts % self._period
        key = (pts, hash(data))
        self._seen.pop(key, None)
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if key in self._before:
            self._before.discard(key)
            self._met = True
            return True
        if not self._met and self._from_start and self._is_earlier(pts):
            return True
        if self._met:
            self._before.clear()
        self._from_start = False
        return False

    def _is_earlier(self, pts: int | None) -> bool:
        if pts is None or self._last is None:
            return False
        return (self._last - pts) % self._period < self._period // 2
