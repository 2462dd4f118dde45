"""A log that stays readable: no line is repeated more than once a minute."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic

log = logging.getLogger("framelane")

QUIET_SECONDS = 60.0


class RateLimitedLog:
    """The lines about one thing; how often one was not written is told with the next of its kind.

    name: of the thing; clock: seconds that never go back
    """

    def __init__(self, name: str, clock: Callable[[], float] = monotonic) -> None:
        self._name = name
        self._clock = clock
        self._logged_at: dict[str, float] = {}
        self._unlogged: Counter[str] = Counter()

    def log(self, level: int, line: str, kind: str) -> None:
        """Log a line, unless one of its kind was logged a short while ago."""
        now = self._clock()
        if now - self._logged_at.get(kind, float("-inf")) < QUIET_SECONDS:
            self._unlogged[kind] += 1
            return
        count = self._unlogged.pop(kind, 0)
        self._logged_at[kind] = now
        log.log(level, "%s: %s%s", self._name, line, f" ({count} more since)" if count else "")
