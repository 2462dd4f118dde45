"""Frame times of one stream: as its source gives them, repaired if missing or not increasing."""

from __future__ import annotations

from fractions import Fraction

MAX_REORDER = 16  # frames: no codec displays frames further out of their coding order


class Clock:
    """Makes frame times that strictly increase from the times that a source gives.

    A missing time is taken from the decoder's clock, or else from the frames before and the nominal
    rate. A time that does not increase becomes the next tick; for a repeated time, the usual case,
    that is within one nominal frame interval. A jump back by more than any reordering means that
    the clock was restarted (joined files): the times continue where the old clock ended.

    repaired: how many frames have another time than the source gave
    """

    def __init__(self, nominal_interval: Fraction) -> None:
        self.repaired = 0
        self._interval = nominal_interval
        self._last: int | None = None  # the time of the previous frame
        # the last time that the source gave, and the frames since then; expected times are counted
        # from there, so that rounding errors do not add up
        self._anchor = 0
        self._since_anchor = 0
        self._shift = 0  # from the source's clock to ours, after it was restarted

    def ticks(self, pts: int | None, dts: int | None, time_base: Fraction) -> int:
        """Return the time of the next frame, in units of `time_base`.

        pts, dts: as the source gave them; None if it gave none
        """
        original = dts if pts is None else pts
        ticks = (
            self._expected(time_base)
            if original is None
            else self._on_our_clock(original, time_base)
        )
        if self._last is not None:
            ticks = max(ticks, self._last + 1)
        if original is not None:
            self._anchor, self._since_anchor = ticks, 0
        self._since_anchor += 1
        self._last = ticks
        self.repaired += ticks != pts
        return ticks

    def _expected(self, time_base: Fraction) -> int:
        """Return the time of the next frame by the nominal rate."""
        return self._anchor + round(self._since_anchor * self._interval / time_base)

    def _on_our_clock(self, original: int, time_base: Fraction) -> int:
        furthest_back = MAX_REORDER * self._interval / time_base
        if self._last is not None and original + self._shift < self._last - furthest_back:
            self._shift = self._expected(time_base) - original
        return original + self._shift
