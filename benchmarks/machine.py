"""How many cores were free: other processes, and the host of a virtual machine, take a share."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

_STAT = Path("/proc/stat")
_IDLE = slice(4, 6)  # columns of its first line: idle, and waiting for a disk


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def idle_seconds() -> float:
    """Return the idle seconds of all cores, added up, since the machine started.

    Without /proc/stat, all cores count as idle all the time.
    """
    if not _STAT.exists():
        return cores() * monotonic()
    words = _STAT.read_text().partition("\n")[0].split()
    return sum(map(int, words[_IDLE])) / os.sysconf("SC_CLK_TCK")
