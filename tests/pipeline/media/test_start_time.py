"""When a recording began: by its container, or else by its file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.media.start_time import started_at
from tests.support.ffmpeg import tool

CREATED = 1_780_000_000  # 2026-05-28T20:26:40Z


def clip(path: Path, *options: str) -> Path:
    """Write three seconds of video with ffmpeg, last modified at CREATED + 1000."""
    tool("ffmpeg", "-f", "lavfi", "-i", "testsrc=s=64x64:r=10", "-t", "3", *options, str(path))
    os.utime(path, (CREATED + 1000, CREATED + 1000))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_the_time_of_creation_in_the_container_counts(tmp_path: Path, suffix: str) -> None:
    options = ("-metadata", "creation_time=2026-05-28T20:26:40Z")
    assert started_at(clip(tmp_path / f"c.{suffix}", *options)) == CREATED


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_else_a_file_was_completed_with_its_last_frame(tmp_path: Path, suffix: str) -> None:
    path = clip(tmp_path / f"c.{suffix}")
    assert started_at(path) == pytest.approx(CREATED + 997, abs=0.11)


def test_what_is_no_recording_has_no_beginning(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    assert started_at(tmp_path / "text.mp4") is None
    assert started_at(tmp_path / "absent.mp4") is None
    assert started_at(tmp_path) is None
