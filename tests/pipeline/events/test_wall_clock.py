"""The wall clock of cameras' and of recorded frames."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic, time

import pytest

from pipeline.events.wall_clock import WallClock, wall
from pipeline.frames.frame import Frame
from tests.support.event_frames import tracked


def frame(seconds: float, captured_at: float, *, live: bool) -> Frame:
    return replace(tracked(seconds, {}, live=live).frame, captured_at=captured_at)


def test_a_cameras_frame_has_its_time_of_capture() -> None:
    captured_at = monotonic() - 10
    found = WallClock(lambda: 0.0).of(frame(3.0, captured_at, live=True))
    assert found == pytest.approx(time() - 10, abs=5)


def test_a_recordings_frames_count_from_its_beginning() -> None:
    clock = WallClock(lambda: 1_000_000.0)
    # the first frame of this file is at 5 s
    assert clock.of(frame(5.0, monotonic(), live=False)) == pytest.approx(1_000_000.0)
    assert clock.of(frame(7.5, monotonic(), live=False)) == pytest.approx(1_000_002.5)


def test_a_recording_without_a_known_beginning_counts_from_when_it_was_read() -> None:
    clock = WallClock(lambda: None)
    first = clock.of(frame(0.0, monotonic(), live=False))
    assert first == pytest.approx(time(), abs=5)
    assert clock.of(frame(60.0, monotonic(), live=False)) - first == pytest.approx(60.0)


def test_the_clock_of_the_frames_goes_on_while_none_come() -> None:
    clock = WallClock()
    assert clock.seconds(monotonic()) == 0.0
    clock.of(frame(3.0, 100.0, live=True))
    assert clock.seconds(104.0) == pytest.approx(7.0)
    assert wall(monotonic()) == pytest.approx(time(), abs=5)
