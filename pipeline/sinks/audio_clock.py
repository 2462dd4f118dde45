"""The times of audio beside repaired video: it follows the clocks that the frames had."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pipeline.frames.stream import Epoch

MAX_STEP = Fraction(1)  # seconds between two packets of one clock, at which nothing is checked
MAX_OVERLAP = Fraction(1, 10)  # seconds: packets of one clock hardly overlap
MAX_GAP = 12 * 3600  # seconds; FFmpeg makes a longer one of a clock that was restarted


class AudioClock:
    """Moves the times of one audio stream as those of the frames beside it were moved.

    epochs: clocks of the video, growing while it is decoded. The audio comes to each of them a
        little earlier or later than the video.
    """

    def __init__(self, epochs: Sequence[Epoch]) -> None:
        self._epochs = epochs
        self._index = 0
        self._last: Fraction | None = None  # time of the last packet on its own clock
        self._own: Fraction | None = None  # shift of a clock that no frame has

    def shift(self, time: Fraction) -> Fraction | None:
        """Return what to add to the time of the next packet; None: no frame has that clock yet."""
        step = Fraction(0) if self._last is None else time - self._last
        if not -MAX_OVERLAP <= step <= MAX_STEP:
            if index := self._nearest(time, abs(step)):
                self._index, self._own = index, None
            elif step < 0 or step > MAX_GAP:
                return None
        self._last = time
        if self._own is not None:
            return self._own
        return self._epochs[self._index].shift if self._epochs else Fraction(0)

    def restart(self, time: Fraction, at: Fraction) -> Fraction:
        """Return the shift that moves `time` to `at`: audio whose clock no frame has."""
        self._last, self._own = time, at - time
        return self._own

    def _nearest(self, time: Fraction, within: Fraction) -> int | None:
        """Return the number of the later epoch that starts next to `time`, None if none does."""
        later = range(self._index + 1, len(self._epochs))
        found = min(later, key=lambda k: abs(self._epochs[k].starts_at - time), default=None)
        if found is None or abs(self._epochs[found].starts_at - time) >= within:
            return None
        return found
