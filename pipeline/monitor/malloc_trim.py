"""Returns freed memory to the system, which glibc otherwise keeps in the heaps of threads."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from time import monotonic

TRIM_SECONDS = 60.0


class MallocTrim:
    """Returns freed memory once a minute, without stopping other threads.

    glibc has many heaps, and freed memory stays in the heap it came from. A process that reconnects
    opens and frees codecs on ever new threads, so that all these heaps grow piece by piece. Only
    glibc is known to behave so, and only it has a remedy (`malloc_trim`).
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._trimmed_at = clock()
        self._malloc_trim = (
            getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
        )

    def look(self) -> None:
        """Return free memory if a minute has passed since the last time."""
        if self._malloc_trim is None or self._clock() - self._trimmed_at < TRIM_SECONDS:
            return
        self._trimmed_at = self._clock()
        self._malloc_trim(0)
