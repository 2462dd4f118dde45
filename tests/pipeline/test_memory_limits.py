"""FFmpeg refuses enormous blocks of memory; in a process of its own, as that cannot be undone."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import av
from pipeline.memory_limits import MAX_BLOCK, limit_blocks
assert limit_blocks()
av.Packet(MAX_BLOCK // 2)
try:
    av.Packet(MAX_BLOCK + 1)
except (MemoryError, av.FFmpegError):
    print("refused")
"""


def test_after_the_call_ffmpeg_refuses_a_block_over_the_limit() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "refused\n"
