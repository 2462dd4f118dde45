"""Frame times strictly increase and stay within a frame interval of those of the source."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.frames.stream import Epoch
from pipeline.stages.frame_clock import Clock

RATES = st.sampled_from(
    [Fraction(25), Fraction(30000, 1001), Fraction(1, 3), Fraction(60), Fraction(15000, 1001)]
)
FINE = [Fraction(1, 1000), Fraction(1, 16000), Fraction(1, 90000), Fraction(1, 1200000)]


def run(clock: Clock, times: Sequence[tuple[int | None, int | None]], base: Fraction) -> list[int]:
    return [clock.ticks(pts, dts, base) for pts, dts in times]


@given(
    times=st.lists(st.tuples(st.none() | st.integers(), st.none() | st.integers())),
    rate=RATES,
    base=st.sampled_from(FINE),
)
def test_times_strictly_increase_whatever_the_source_gives(
    times: list[tuple[int | None, int | None]], rate: Fraction, base: Fraction
) -> None:
    clock = Clock(1 / rate)
    ticks = run(clock, times, base)
    assert all(earlier < later for earlier, later in pairwise(ticks))
    assert clock.repaired == sum(a != pts for a, (pts, _) in zip(ticks, times, strict=True))


@given(steps=st.lists(st.integers(1, 10**9)), start=st.integers(0, 10**9), rate=RATES)
def test_increasing_times_are_not_changed(steps: list[int], start: int, rate: Fraction) -> None:
    pts = [start + sum(steps[:k]) for k in range(len(steps))]
    clock = Clock(1 / rate)
    assert run(clock, [(p, None) for p in pts], Fraction(1, 16000)) == pts
    assert clock.repaired == 0


@given(
    missing=st.lists(st.booleans(), min_size=1, max_size=300),
    rate=RATES,
    base=st.sampled_from(FINE),
    start=st.integers(0, 100000),
)
def test_missing_times_are_restored_within_a_frame_interval(
    missing: list[bool], rate: Fraction, base: Fraction, start: int
) -> None:
    true = [start + round(k / rate / base) for k in range(len(missing))]
    times = [
        (None if gone and k else pts, None)
        for k, (pts, gone) in enumerate(zip(true, missing, strict=True))
    ]
    ticks = run(Clock(1 / rate), times, base)
    assert all(abs(t - pts) * base <= 1 / rate for t, pts in zip(ticks, true, strict=True))


@given(
    repeats=st.lists(st.integers(1, 3), min_size=1, max_size=100),
    rate=RATES,
    base=st.sampled_from(FINE),
)
def test_repeated_times_move_by_less_than_a_frame_interval(
    repeats: list[int], rate: Fraction, base: Fraction
) -> None:
    pts = [round(k / rate / base) for k, count in enumerate(repeats) for _ in range(count)]
    ticks = run(Clock(1 / rate), [(p, None) for p in pts], base)
    assert all(abs(t - p) * base <= 1 / rate for t, p in zip(ticks, pts, strict=True))


def test_without_any_times_the_nominal_rate_is_used_and_rounding_does_not_add_up() -> None:
    clock = Clock(Fraction(1001, 30000))
    ticks = run(clock, [(None, None)] * 30001, Fraction(1, 1000))
    assert (ticks[0], ticks[1], ticks[30000]) == (0, 33, 1001000)
    assert clock.repaired == 30001


def test_the_decoders_clock_replaces_a_missing_time() -> None:
    times = [(None, 1), (2, 2), (None, 3), (None, 4), (5, 5), (None, 9), (None, None)]
    clock = Clock(Fraction(1, 25))
    assert run(clock, times, Fraction(1, 25)) == [1, 2, 3, 4, 5, 9, 10]
    assert clock.repaired == 5


@pytest.mark.parametrize("base", [Fraction(1, 25), Fraction(1, 1000)])
def test_times_continue_when_the_clock_of_the_source_is_restarted(base: Fraction) -> None:
    frame = Fraction(1, 25) / base
    one = [int(k * frame) for k in range(100)]
    ticks = run(Clock(Fraction(1, 25)), [(p, None) for p in one + one + one], base)
    assert ticks == [int(k * frame) for k in range(300)]


@given(st.integers(1, 40))
def test_a_recording_is_joined_at_a_keyframe_however_short_it_is(length: int) -> None:
    clock = Clock(Fraction(1, 25))
    ticks = [
        clock.ticks(k % length * 3600, None, Fraction(1, 90_000), keyframe=k % length == 0)
        for k in range(3 * length)
    ]
    if length > 2:  # else the times could as well be those of jitter
        assert ticks == [k * 3600 for k in range(3 * length)]


PERIOD = 2**33


@given(
    starts=st.lists(st.integers(0, PERIOD - 10**6), min_size=1, max_size=5),
    added=st.lists(st.sampled_from([-PERIOD, 0, PERIOD]), min_size=5, max_size=5),
    rate=st.integers(1, 100),
)
def test_a_period_that_ffmpeg_adds_or_subtracts_makes_no_gap(
    starts: list[int], added: list[int], rate: int
) -> None:
    """Joined recordings, each earlier than the one before or up to half a period later."""
    interval = 90_000 // rate
    clock = Clock(Fraction(interval, 90_000), Fraction(PERIOD, 90_000))
    ticks = [
        clock.ticks(start + k * interval + more, None, Fraction(1, 90_000), keyframe=not k)
        for start, more in zip(starts, added, strict=False)
        for k in range(30)
    ]
    steps = [b - a for a, b in pairwise(ticks)]
    assert max(steps) < PERIOD // 2 + 16 * interval
    assert sum(step == interval for step in steps) >= 28 * len(starts)


def test_a_step_back_that_ffmpeg_took_for_a_wrap_is_a_restart() -> None:
    base = Fraction(1, 90_000)
    times = [9_000_000, 9_003_600, 450_000 + PERIOD, 453_600 + PERIOD, 457_200]
    epochs: list[Epoch] = []
    ticks = run(
        Clock(Fraction(1, 25), PERIOD * base, epochs), [(time, None) for time in times], base
    )
    assert ticks == [9_000_000 + k * 3600 for k in range(5)]
    assert [epoch.starts_at / base for epoch in epochs] == [9_000_000, 450_000 + PERIOD, 457_200]
    assert [epoch.shift for epoch in epochs] == [(ticks[k] - times[k]) * base for k in (0, 2, 4)]


def test_times_below_0_are_moved_to_0_because_players_show_nothing_there() -> None:
    times = [(pts, None) for pts in (-100, -60, -20, 20, 60)]
    epochs: list[Epoch] = []
    clock = Clock(Fraction(1, 25), epochs=epochs)
    assert run(clock, times, Fraction(1, 1000)) == [0, 40, 80, 120, 160]
    assert epochs == [Epoch(Fraction(-1, 10), Fraction(1, 10))]


def test_a_small_step_back_is_not_a_restart_of_the_clock() -> None:
    times = [(pts, None) for pts in (0, 40, 120, 80, 160, 200)]
    assert run(Clock(Fraction(1, 25)), times, Fraction(1, 1000)) == [0, 40, 120, 121, 160, 200]


def test_a_gap_stays_a_gap() -> None:
    times = [(0, None), (40, None), (99000, None), (None, None)]
    assert run(Clock(Fraction(1, 25)), times, Fraction(1, 1000)) == [0, 40, 99000, 99040]
