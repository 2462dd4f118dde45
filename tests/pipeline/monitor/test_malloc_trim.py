"""Freed memory is returned to the system once a minute."""

from __future__ import annotations

import platform
import resource
from pathlib import Path

import pytest

from pipeline.monitor.malloc_trim import TRIM_SECONDS, MallocTrim

BLOCK, COUNT = 1_000, 100_000  # bytes; small enough to come from a heap


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_freed_memory_is_returned_after_a_minute() -> None:
    seconds = 0.0
    trim = MallocTrim(clock=lambda: seconds)
    blocks = [bytes(BLOCK) for _ in range(COUNT)]
    last = blocks[-1]  # at the top of the heap, which cannot shrink below it by itself
    full = resident_bytes()

    blocks.clear()
    trim.look()
    before_trim = resident_bytes()
    seconds = TRIM_SECONDS
    trim.look()

    assert full - before_trim < BLOCK * COUNT / 2
    assert full - resident_bytes() > BLOCK * COUNT * 0.8
    assert len(last) == BLOCK
