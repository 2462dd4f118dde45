"""Freed memory goes back to the system: glibc keeps it in the heaps of threads otherwise."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from time import monotonic

TRIM_SECONDS = 60.0


class MallocTrim:
    """Gives freed memory back once a minute, whenever it is looked at; other threads go on.

    What a thread frees stays with the heap that it came from, one for each of many threads. Whoever
    reconnects, opens codecs and frees them again on ever new threads has all those heaps grow by
    pieces. Only glibc is known to do so, and to be able to end it (`malloc_trim`).
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._trimmed_at = clock()
        self._malloc_trim = (
            getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
        )

    def look(self) -> None:
        """Give back what is free if a minute has passed since."""
        if self._malloc_trim is None or self._clock() - self._trimmed_at < TRIM_SECONDS:
            return
        self._trimmed_at = self._clock()
        self._malloc_trim(0)
