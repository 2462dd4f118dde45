"""Freed memory goes back to the system once a minute."""

from __future__ import annotations

import platform

import pytest

from benchmarks.live.watch import sample
from pipeline.monitor.malloc_trim import TRIM_SECONDS, MallocTrim

BLOCK, COUNT = 1_000, 100_000  # bytes; small enough to come from a heap


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked to")
def test_what_was_freed_goes_back_after_a_minute() -> None:
    seconds = 0.0
    trim = MallocTrim(clock=lambda: seconds)
    blocks = [bytes(BLOCK) for _ in range(COUNT)]
    last = blocks[-1]  # on top of the heap, which cannot shrink below it by itself
    full = sample().memory

    blocks.clear()
    trim.look()
    kept = sample().memory
    seconds = TRIM_SECONDS
    trim.look()

    assert full - kept < BLOCK * COUNT / 2
    assert full - sample().memory > BLOCK * COUNT * 0.8
    assert len(last) == BLOCK
