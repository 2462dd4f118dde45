"""Statistics of work and waiting: distributions of fixed size for runs of any length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_SHORTEST = 1e-6  # seconds; the first bucket holds all durations up to this
_GROWTH = 1.02  # each bucket is 2 % wider than the one before, so percentiles err by at most 1 %
_LOG_GROWTH = math.log(_GROWTH)
_BUCKETS = 1 + math.ceil(math.log(1e10) / _LOG_GROWTH)  # up to 10,000 seconds


class Histogram:
    """A distribution of durations in logarithmic buckets; written by one thread at a time.

    A reader on another thread may see counts that are one behind each other. A display does not
    mind, and the final report is read after all threads have ended.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BUCKETS, np.int64)
        self.count = 0
        self.total = 0.0
        self.max = 0.0

    def record(self, seconds: float) -> None:
        """Add one duration."""
        self._counts[_bucket(seconds)] += 1
        self.count += 1
        self.total += seconds
        if seconds > self.max:  # noqa: PLR1730 - a call of max takes four times as long
            self.max = seconds

    def percentile(self, percent: float) -> float:
        """Return the seconds that `percent` of all durations do not exceed; 0.0 for none."""
        if not self.count:
            return 0.0
        rank = math.ceil(percent / 100 * self.count)
        bucket = int(np.searchsorted(np.cumsum(self._counts), max(rank, 1)))
        middle: float = _SHORTEST * _GROWTH ** (bucket - 0.5)
        return min(middle, self.max)

    def at_most(self, bounds: Sequence[float]) -> list[int]:
        """Return how many durations do not exceed each of the bounds, in seconds, to 2 %."""
        reached = np.cumsum(self._counts)
        return [int(reached[_bucket(bound)]) for bound in bounds]

    def copy(self) -> Histogram:
        """Return a copy that later records do not change."""
        copy = Histogram()
        copy._counts[:] = self._counts
        copy.count, copy.total, copy.max = self.count, self.total, self.max
        return copy

    def since(self, earlier: Histogram) -> Histogram:
        """Return the distribution of the durations added since `earlier`, a copy, was made.

        Its max is exact if it exceeds that of `earlier`, otherwise known to 2 %.
        """
        later = self.copy()
        later._counts -= earlier._counts
        later.count -= earlier.count
        later.total -= earlier.total
        if later.max == earlier.max:
            used = np.flatnonzero(later._counts)
            later.max = _SHORTEST * _GROWTH ** int(used[-1]) if used.size else 0.0
        return later

    def as_milliseconds(self) -> dict[str, float]:
        """Return the figures of a report: p50, p95, p99 and max in milliseconds."""
        figures = {f"p{p}": self.percentile(p) for p in (50, 95, 99)} | {"max": self.max}
        return {name: round(seconds * 1e3, 3) for name, seconds in figures.items()}


def _bucket(seconds: float) -> int:
    if seconds <= _SHORTEST:
        return 0
    return min(math.ceil(math.log(seconds / _SHORTEST) / _LOG_GROWTH), _BUCKETS - 1)


@dataclass(slots=True)
class ChannelStats:
    """The use of a channel; written under its lock.

    receive_waits: seconds that the receiver has waited for an item
    found_empty: how often it had to wait
    queued: per item, from the call of `send` to its receipt
    """

    sent: int = 0
    dropped: int = 0
    found_empty: int = 0
    receive_waits: float = 0.0
    queued: Histogram = field(default_factory=Histogram)

    def received_after(self, seconds: float) -> None:
        """Count a receipt after a wait of this length."""
        self.receive_waits += seconds
        self.found_empty += seconds > _NOTICEABLE


_NOTICEABLE = 1e-4  # seconds: less is the cost of the lock, not a wait


@dataclass(slots=True)
class StageStats:
    """The work of a stage; written by its own thread.

    items: how many went in
    worked: seconds of work per item
    send_waits: seconds that it waited for room in its outbox
    """

    items: int = 0
    worked: Histogram = field(default_factory=Histogram)
    send_waits: float = 0.0
