"""The clock of one stream: as its source gave it, repaired where it is missing or runs back."""

from __future__ import annotations

from fractions import Fraction

REORDERED = 16  # frames: no codec shows pictures further from the order in which they were coded


class Clock:
    """Turns the times that a source gives into times that strictly increase (DESIGN.md 5).

    A time that is missing is taken from the decoder's clock, or from the frames before and the
    nominal rate. One that does not increase becomes the next tick, which is within one nominal
    frame for the usual case, a repeated time. A jump back by more than any reordering is a clock
    that began anew (files that were joined): it goes on where the old one ended.

    repaired: how many frames have a time that is not the one the source gave
    """

    def __init__(self, nominal_interval: Fraction) -> None:
        self.repaired = 0
        self._interval = nominal_interval
        self._last: int | None = None  # the time of the frame before
        self._since_anchor = 0  # frames since one that had a time of its own,
        self._anchor = 0  # and that time: counting from there, rounding does not add up
        self._shift = 0  # from the source's clock to ours, after it began anew

    def ticks(self, pts: int | None, dts: int | None, time_base: Fraction) -> int:
        """Return the time of the next frame, in units of `time_base`.

        pts, dts: as the source gave them, None where it gave none
        """
        given = dts if pts is None else pts
        ticks = self._expected(time_base) if given is None else self._on_our_clock(given, time_base)
        if self._last is not None:
            ticks = max(ticks, self._last + 1)
        if given is not None:
            self._anchor, self._since_anchor = ticks, 0
        self._since_anchor += 1
        self._last = ticks
        self.repaired += ticks != pts
        return ticks

    def _expected(self, time_base: Fraction) -> int:
        """The time that the next frame has if the nominal rate is kept."""
        return self._anchor + round(self._since_anchor * self._interval / time_base)

    def _on_our_clock(self, given: int, time_base: Fraction) -> int:
        furthest_back = REORDERED * self._interval / time_base
        if self._last is not None and given + self._shift < self._last - furthest_back:
            self._shift = self._expected(time_base) - given
        return given + self._shift
