"""FFmpeg's own tools, as the reference of tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

UNTIMED = Fraction(1, 25)  # seconds per frame, for frames without a time in ffprobe's output


def tool(name: str, *arguments: str) -> bytes:
    """Return the output of an FFmpeg tool; skip visibly if it is not installed."""
    if not shutil.which(name):
        message = f"{name} is not installed: the Debian package ffmpeg has it"
        if os.environ.get("REQUIRE_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    line = [name, "-v", "quiet", *arguments]
    return subprocess.run(line, capture_output=True, check=False).stdout


def times_by_ffprobe(path: Path) -> list[Fraction]:
    """Return the times of the frames of the first video stream, in seconds, from ffprobe."""
    shown = json.loads(
        tool(
            *("ffprobe", "-select_streams", "v:0", "-of", "json"),
            *("-show_entries", "stream=time_base:frame=best_effort_timestamp", str(path)),
        )
    )
    base = Fraction(shown["streams"][0]["time_base"])
    times: list[Fraction] = []
    for frame in shown["frames"]:
        tick = frame.get("best_effort_timestamp")
        expected = times[-1] + UNTIMED if times else Fraction(0)
        times.append(expected if tick is None else int(tick) * base)
    assert all(before < after for before, after in pairwise(times)), path
    return times
