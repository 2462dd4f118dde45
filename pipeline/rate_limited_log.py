"""A log without floods: lines of one kind are written at most once a minute."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic

log = logging.getLogger("framelane")

PERIOD_SECONDS = 60.0
MAX_KINDS = 100  # kinds that are remembered: a kind may contain what others send


class RateLimitedLog:
    """Lines about one subject; each states how many of its kind were suppressed before it.

    name: of the subject, at the start of each line
    clock: seconds that never go back
    """

    def __init__(self, name: str, clock: Callable[[], float] = monotonic) -> None:
        self._name = name
        self._clock = clock
        self._logged_at: dict[str, float] = {}  # the oldest first
        self._suppressed: Counter[str] = Counter()

    def log(self, level: int, line: str, kind: str, block: str = "") -> None:
        """Log a line, unless one of its kind was logged less than a minute ago.

        block: further lines that belong to it
        """
        now = self._clock()
        if now - self._logged_at.get(kind, float("-inf")) < PERIOD_SECONDS:
            self._suppressed[kind] += 1
            return
        count = self._suppressed.pop(kind, 0)
        self._logged_at.pop(kind, None)
        self._logged_at[kind] = now
        self._forget()
        more = f" ({count} more since)" if count else ""
        log.log(level, "%s: %s%s", self._name, line, more, extra={"block": block})

    def _forget(self) -> None:
        if len(self._logged_at) > MAX_KINDS:
            oldest = next(iter(self._logged_at))
            del self._logged_at[oldest]
            self._suppressed.pop(oldest, None)
