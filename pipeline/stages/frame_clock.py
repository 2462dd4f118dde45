"""Frame times of one stream: as its source gives them, repaired if missing or not increasing."""

from __future__ import annotations

from fractions import Fraction

from pipeline.frames.stream import Epoch

MAX_REORDER = 16  # frames: no codec displays frames further out of their coding order


class Clock:
    """Makes frame times that strictly increase, from 0 on, of the times that a source gives.

    A missing time is taken from the decoder's clock, or else from the frames before and the nominal
    rate. A time that does not increase becomes the next tick; for a repeated time, the usual case,
    that is within one nominal frame interval. A jump back by more than any reordering, or at a
    keyframe by more than a frame interval, means that the clock was restarted (joined files): the
    times continue where the old clock ended. If the first time is below 0, where players show
    nothing, all times are moved so that it is 0.

    period: seconds after which the source's times start again, None if they do not. A step of more
        than half of it is one of that much less, in the other direction: FFmpeg takes a restarted
        clock for one that has come round, and adds a period to its times
    epochs: the clocks of the source are appended to it, for what has to follow them

    repaired: how many frames have another time than the source gave
    """

    def __init__(
        self,
        nominal_interval: Fraction,
        period: Fraction | None = None,
        epochs: list[Epoch] | None = None,
    ) -> None:
        self.repaired = 0
        self._epochs = [] if epochs is None else epochs
        self._interval = nominal_interval
        self._period = period
        self._last: int | None = None  # the time of the previous frame
        # the last time that the source gave, and the frames since then; expected times are counted
        # from there, so that rounding errors do not add up
        self._anchor = 0
        self._since_anchor = 0
        self._last_original: int | None = None
        self._shift = 0  # from the source's clock to ours

    def ticks(
        self, pts: int | None, dts: int | None, time_base: Fraction, *, keyframe: bool = False
    ) -> int:
        """Return the time of the next frame, in units of `time_base`.

        pts, dts: as the source gave them; None if it gave none
        """
        original = dts if pts is None else pts
        ticks = (
            self._expected(time_base)
            if original is None
            else self._on_our_clock(original, time_base, keyframe)
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

    def _on_our_clock(self, original: int, time_base: Fraction, keyframe: bool) -> int:
        before = self._shift
        if self._last is None:
            self._shift = max(0, -original)
        else:
            self._shift -= self._turns(original, time_base)
            frames_back = 1 if keyframe else MAX_REORDER
            if original + self._shift < self._last - frames_back * self._interval / time_base:
                self._shift = self._expected(time_base) - original
        if self._shift != before or not self._epochs:
            self._epochs.append(Epoch(original * time_base, self._shift * time_base))
        self._last_original = original
        return original + self._shift

    def _turns(self, original: int, time_base: Fraction) -> int:
        """Return the ticks of the whole periods in the step to this time."""
        if self._period is None or self._last_original is None:
            return 0
        period = round(self._period / time_base)
        return period * round(Fraction(original - self._last_original, period))
