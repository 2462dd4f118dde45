"""Settings of the whole process: a command applies them, a library call does not."""

from __future__ import annotations

import sys

import cv2

from pipeline.memory_limits import limit_blocks

# A thread may hold Python's lock for this long while others wait for it. With Python's default of
# 5 ms, fourteen cameras wait for each other: p99 436 ms; with 1 ms 289, with this 193, and the
# frame rate stays the same.
SWITCH_INTERVAL_SECONDS = 0.0003


def apply_process_settings() -> None:
    """Give OpenCV one thread, let Python's threads take turns more often, and bound FFmpeg."""
    cv2.setNumThreads(1)  # frames are small, and every stage has a thread of its own
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    limit_blocks()  # of memory, against peers that never end what they began
