"""Which frames of a sequence are looked at: ranges of them, every k-th, some left out by chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from detector.detections import Int64Array
from detector.errors import UsageError


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """A choice that means the same frames to who tracks and to who evaluates.

    ranges: by sequence, first and last frame, both included; "" is for sequences not named
    keep_every: the first frame of the range and every k-th from there
    drop: share of the frames that is left out, by chance, the same for the same `seed`
    """

    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    keep_every: int = 1
    drop: float = 0.0
    seed: int = 0

    def of(self, sequence: str, last: int) -> Int64Array:
        """Return the chosen frames, from 1, of a sequence whose last frame is `last`."""
        begin, end = self.ranges.get(sequence, self.ranges.get("", (1, last)))
        frames = np.arange(begin, min(end, last) + 1, self.keep_every)
        kept = np.random.default_rng(self.seed).random(last + 1) >= self.drop
        return frames[kept[frames]]


def read_ranges(given: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return the ranges that `A-B` (of any sequence) and `NAME=A-B` say.

    Raises UsageError for anything else.
    """
    ranges = {}
    for text in given:
        name, _, numbers = text.rpartition("=")
        first, _, last = numbers.partition("-")
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
            raise UsageError(
                f"--frames {text}: A-B or NAME=A-B is expected, from 1, B not before A, as 251-459"
            )
        ranges[name] = int(first), int(last)
    return ranges
