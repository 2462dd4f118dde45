"""One time line over reconnects, jumps and drift, and the delay of each frame."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.live.clock import HERTZ, LiveClock, Moment

INTERVAL = 3600  # ticks: 25 frames per second
BASE = Fraction(1, HERTZ)
TICK = 1 / HERTZ


def moments(
    clock: LiveClock, count: int, *, start: float, pts: int = 0, delay: float = 0.0
) -> list[Moment]:
    """Return the moments of a camera that sends a frame every 40 ms, each with this delay."""
    return [
        clock.moment(pts + k * INTERVAL, BASE, start + k / 25 + delay, None) for k in range(count)
    ]


def test_the_time_line_starts_at_0_and_keeps_the_cameras_intervals_exactly() -> None:
    found = moments(LiveClock(), 100, start=1000.0, pts=123_456)
    assert [moment.ticks for moment in found] == [k * INTERVAL for k in range(100)]


def test_over_a_reconnect_the_time_line_follows_real_time() -> None:
    clock = LiveClock()
    before = moments(clock, 10, start=1000.0)
    clock.reconnected()
    after = moments(clock, 10, start=1030.0)  # the camera starts at 0 again
    assert after[0].ticks * TICK == pytest.approx(30.0, abs=0.001)
    assert after[1].ticks - after[0].ticks == INTERVAL
    assert before[-1].ticks < after[0].ticks


@pytest.mark.parametrize("jump", [3600 * HERTZ, -3600 * HERTZ, -3 * HERTZ])
def test_a_jump_of_the_cameras_clock_does_not_affect_the_time_line(jump: int) -> None:
    clock = LiveClock()
    before = moments(clock, 100, start=1000.0)
    after = moments(clock, 100, start=1004.0, pts=100 * INTERVAL + jump)
    gap = (after[0].ticks - before[-1].ticks) * TICK
    assert gap == pytest.approx(0.04, abs=0.001)
    assert after[-1].late == pytest.approx(0, abs=0.001)


def test_a_delayed_frame_is_late_by_its_delay() -> None:
    clock = LiveClock()
    assert moments(clock, 50, start=1000.0)[-1].late == pytest.approx(0, abs=1e-6)
    late = moments(clock, 10, start=1002.0, pts=50 * INTERVAL, delay=0.7)
    assert [moment.late for moment in late] == pytest.approx([0.7] * 10)
    assert late[0].due_at == pytest.approx(1002.0)
    assert late[0].captured_at == late[0].due_at


def test_after_ten_seconds_a_longer_delay_counts_as_none() -> None:
    clock = LiveClock()
    moments(clock, 50, start=1000.0)
    found = moments(clock, 300, start=1002.0, pts=50 * INTERVAL, delay=0.7)
    assert found[200].late == pytest.approx(0.7)
    assert found[-1].late == pytest.approx(0, abs=1e-6)


def test_a_drifting_clock_makes_no_frame_late() -> None:
    """The camera's clock runs 0.1 % slow."""
    clock = LiveClock()
    late = [
        clock.moment(round(k * INTERVAL * 0.999), BASE, 1000 + k / 25, None).late
        for k in range(25 * 600)
    ]
    assert max(late) < 0.02


def test_frames_that_the_server_had_buffered_do_not_make_later_ones_late() -> None:
    """A server sends its last two seconds at once, then continues."""
    clock = LiveClock()
    buffered = [clock.moment(k * INTERVAL, BASE, 1000.0, None) for k in range(50)]
    live = [clock.moment(k * INTERVAL, BASE, 1000.0 + (k - 49) / 25, None) for k in range(50, 99)]
    assert all(moment.late == pytest.approx(0, abs=1e-6) for moment in live)
    assert live[0].ticks - buffered[0].ticks == 50 * INTERVAL


def test_the_cameras_own_clock_is_used_if_it_agrees_with_ours() -> None:
    clock = LiveClock()
    for k in range(10):
        arrived_at = 1000 + k / 25
        moment = clock.moment(k * INTERVAL, BASE, arrived_at, arrived_at - 0.08)
        assert moment.captured_at == pytest.approx(arrived_at - 0.08)
        assert moment.due_at == pytest.approx(arrived_at)
    assert clock.source == "camera (RTCP)"


@pytest.mark.parametrize("off", [-3600.0, 5.0])
def test_a_cameras_clock_that_is_off_is_reported_and_not_used(off: float) -> None:
    clock = LiveClock()
    moment = clock.moment(0, BASE, 1000.0, 1000.0 - off)
    assert moment.captured_at == 1000.0
    assert "the camera's clock is" in clock.source


def test_frames_without_times_get_those_of_their_arrival() -> None:
    clock = LiveClock()
    found = [clock.moment(None, BASE, 1000 + k / 10, None) for k in range(5)]
    assert [moment.ticks * TICK for moment in found] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


@given(st.lists(st.integers(-200, 10_000), min_size=2, max_size=50))
def test_no_frame_is_captured_in_the_future_whatever_its_times(times: list[int]) -> None:
    clock = LiveClock()
    for k, pts in enumerate(times):
        moment = clock.moment(pts * HERTZ // 100, BASE, 1000 + k / 25, None)
        assert moment.captured_at <= 1000 + k / 25 + 1e-6
        assert moment.late >= -1e-6


def test_the_time_line_does_not_go_back_if_the_cameras_times_do_not() -> None:
    clock, arrived_at, ticks = LiveClock(), 1000.0, []
    for connection in range(5):
        clock.reconnected()
        found = moments(clock, 30, start=arrived_at, pts=connection * 777)
        arrived_at += 30 / 25 + connection * 3
        ticks += [moment.ticks for moment in found]
    assert all(before < after for before, after in pairwise(ticks))


@pytest.mark.parametrize("rate", [1, 2, 5, 10, 15])
def test_b_frames_of_a_slow_stream_are_neither_jumps_nor_late(rate: int) -> None:
    """Three B-frames before each reference, one packet per frame."""
    clock, found = LiveClock(), {}
    order = [0] + [4 * group + place for group in range(30) for place in (4, 2, 1, 3)]
    for count, place in enumerate(order):
        found[place] = clock.moment(place * HERTZ // rate, BASE, 1000 + count / rate, None)
        assert found[place].late <= (0.01 if count > 8 else 4 / rate)
    ticks = [found[place].ticks for place in sorted(found)]
    assert {b - a for a, b in pairwise(ticks)} == {HERTZ // rate}


def test_paced_frames_go_on_where_they_were_after_a_discontinuity() -> None:
    """Segments of four seconds arrive at once, each with its own clock."""
    clock = LiveClock(paced=True)
    first = [clock.moment(k * INTERVAL, BASE, 1000.0, None, waited=False) for k in range(100)]
    for jump in (3600 * HERTZ, -3600 * HERTZ):
        second = [
            clock.moment(jump + k * INTERVAL, BASE, 1000.1, None, waited=False) for k in range(100)
        ]
        assert second[0].ticks - first[-1].ticks == INTERVAL
        assert second[0].due_at - first[-1].due_at == pytest.approx(0.04)
        first = second
