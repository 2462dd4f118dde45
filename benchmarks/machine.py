"""How much of the machine was there: others take their share, and so does the host of a guest."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

_STAT = Path("/proc/stat")
_IDLE = slice(4, 6)  # of its first line: idle, and idle while a disk is waited for


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def idle_seconds() -> float:
    """Return the seconds that the cores have had nothing to do, added up, since the machine began.

    Where that is not known, they are taken never to be busy but for us.
    """
    if not _STAT.exists():
        return cores() * monotonic()
    words = _STAT.read_text().partition("\n")[0].split()
    return sum(map(int, words[_IDLE])) / os.sysconf("SC_CLK_TCK")
