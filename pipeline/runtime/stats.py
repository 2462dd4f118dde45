"""How long things took and waited: distributions of fixed size, however long the run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

_SHORTEST = 1e-6  # seconds: all that is shorter is one bucket
_GROWTH = 1.02  # each bucket is 2 % wider than the one before: percentiles err by 1 % at most
_BUCKETS = 1 + math.ceil(math.log(1e10) / math.log(_GROWTH))  # up to 10,000 seconds


class Histogram:
    """A distribution of durations in logarithmic buckets; written by one thread at a time.

    Readers on other threads may see a count one behind: harmless for a display, and the final
    report is read after all threads have ended.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BUCKETS, np.int64)
        self.count = 0
        self.total = 0.0
        self.max = 0.0

    def record(self, seconds: float) -> None:
        """Add one duration."""
        bucket = math.ceil(math.log(max(seconds, _SHORTEST) / _SHORTEST) / math.log(_GROWTH))
        self._counts[min(bucket, _BUCKETS - 1)] += 1
        self.count += 1
        self.total += seconds
        self.max = max(self.max, seconds)

    def percentile(self, percent: float) -> float:
        """Return the duration in seconds that `percent` of all do not exceed; 0.0 of none."""
        if not self.count:
            return 0.0
        rank = math.ceil(percent / 100 * self.count)
        bucket = int(np.searchsorted(np.cumsum(self._counts), max(rank, 1)))
        middle: float = _SHORTEST * _GROWTH ** (bucket - 0.5)
        return min(middle, self.max)

    def copy(self) -> Histogram:
        """Return the distribution as it is now."""
        copy = Histogram()
        copy._counts[:] = self._counts
        copy.count, copy.total, copy.max = self.count, self.total, self.max
        return copy

    def since(self, earlier: Histogram) -> Histogram:
        """Return the distribution of what was added after `earlier`, a copy, was taken.

        Its max is known to 2 % where it is not the longest of all.
        """
        later = self.copy()
        later._counts -= earlier._counts
        later.count -= earlier.count
        later.total -= earlier.total
        if later.max == earlier.max:
            longest = np.flatnonzero(later._counts)
            later.max = _SHORTEST * _GROWTH ** int(longest[-1]) if longest.size else 0.0
        return later

    def as_milliseconds(self) -> dict[str, float]:
        """Return the figures of a report: p50, p95, p99 and max in milliseconds."""
        figures = {f"p{p}": self.percentile(p) for p in (50, 95, 99)} | {"max": self.max}
        return {name: round(seconds * 1e3, 3) for name, seconds in figures.items()}


@dataclass(slots=True)
class ChannelStats:
    """How a channel was used; written under its lock.

    receive_waits: seconds that the consumer has waited; found_empty: how often it had to
    queued: per item, from the call of `send` to its receipt
    """

    sent: int = 0
    dropped: int = 0
    found_empty: int = 0
    receive_waits: float = 0.0
    queued: Histogram = field(default_factory=Histogram)

    def received_after(self, seconds: float) -> None:
        """Note a receipt that waited so long for something to come."""
        self.receive_waits += seconds
        self.found_empty += seconds > _NOTICEABLE


_NOTICEABLE = 1e-4  # seconds: less is the price of the lock, not a wait


@dataclass(slots=True)
class StageStats:
    """What a stage did; written by its own thread.

    items: how many went in; worked: seconds at work per item
    send_waits: seconds that it waited for room
    """

    items: int = 0
    worked: Histogram = field(default_factory=Histogram)
    send_waits: float = 0.0
