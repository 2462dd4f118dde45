"""Which frames of a sequence are used: ranges, every k-th frame, a random share left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from detector.detections import Int64Array
from detector.errors import UsageError


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """A choice of frames, the same for tracking and for evaluation.

    ranges: first and last frame by sequence, both included; "" for sequences that are not named
    keep_every: k, to use the first frame of the range and every k-th after it
    drop: share of the frames that is left out at random
    seed: of the random choice
    """

    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    keep_every: int = 1
    drop: float = 0.0
    seed: int = 0

    def of(self, sequence: str, last: int) -> Int64Array:
        """Return the chosen frames, from 1, of a sequence whose last frame is `last`."""
        first, end = self.ranges.get(sequence, self.ranges.get("", (1, last)))
        frames = np.arange(first, min(end, last) + 1, self.keep_every)
        kept = np.random.default_rng(self.seed).random(last + 1) >= self.drop
        return frames[kept[frames]]


def read_ranges(texts: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return the ranges of texts `A-B` (all other sequences) and `NAME=A-B` (one sequence).

    Raises UsageError for anything else.
    """
    ranges = {}
    for text in texts:
        name, _, numbers = text.rpartition("=")
        first, _, last = numbers.partition("-")
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
            raise UsageError(
                f"--frames {text}: A-B or NAME=A-B is expected, with 1 <= A <= B, such as 251-459"
            )
        ranges[name] = int(first), int(last)
    return ranges
