"""A command sets OpenCV's threads and the switch interval; building a run does not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from pipeline.assembly.run import build
from pipeline.process_settings import SWITCH_INTERVAL_SECONDS, apply_process_settings
from tests.support.runs import minimal_config, quick_clip


@pytest.fixture
def settings() -> Iterator[None]:
    """Put the settings of the process back after the test."""
    threads, interval = cv2.getNumThreads(), sys.getswitchinterval()
    yield
    cv2.setNumThreads(threads)
    sys.setswitchinterval(interval)


def test_building_a_run_leaves_the_settings_of_the_process(settings: None, tmp_path: Path) -> None:
    cv2.setNumThreads(2)
    sys.setswitchinterval(0.005)
    build(minimal_config(tmp_path, quick_clip(1)))
    assert cv2.getNumThreads() == 2
    assert sys.getswitchinterval() == pytest.approx(0.005)


def test_a_command_gives_opencv_one_thread_and_lets_threads_switch_sooner(settings: None) -> None:
    apply_process_settings()
    assert cv2.getNumThreads() == 1
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_SECONDS)
