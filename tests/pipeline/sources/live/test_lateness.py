"""The delay of packets of any reordering: that of the network, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.live.lateness import Lateness, SlidingMinimum

GROUPS = {  # B-frames: places in the display of the frames as they are sent, after the first
    0: (1,),
    1: (2, 1),
    2: (3, 1, 2),
    3: (4, 2, 1, 3),
    7: (8, 4, 2, 1, 3, 6, 5, 7),
}


def display_order(bframes: int, groups: int) -> list[int]:
    group = GROUPS[bframes]
    return [0] + [g * len(group) + place for g in range(groups) for place in group]


def arrivals(order: list[int], interval: float, at_once: bool) -> list[tuple[float, float]]:
    """Return arrival and time of each packet. At once: a frame and the B-frames before it."""
    found, latest = [], 0
    for count, place in enumerate(order):
        latest = max(latest, place)
        found.append(((latest if at_once else count) * interval, place * interval))
    return found


@pytest.mark.parametrize("bframes", GROUPS)
@pytest.mark.parametrize("rate", [1, 5, 10, 15, 25, 60])
@pytest.mark.parametrize("at_once", [True, False])
def test_reordering_is_no_delay_and_a_delay_is_found_whole(
    bframes: int, rate: int, at_once: bool
) -> None:
    groups = 40 * rate // (bframes + 1) + 8
    packets = arrivals(display_order(bframes, groups), 1 / rate, at_once)
    lateness, now, delays = Lateness(), 0.0, []
    for count, (undelayed_at, seconds) in enumerate(packets):
        held_up = 15 <= undelayed_at < 20
        now = max(now, undelayed_at + 0.7 * held_up)
        delays.append(now - undelayed_at)
        late = lateness.late(now, seconds)
        if count < 2 * (bframes + 1):
            assert late <= (bframes + 1) / rate  # the reordering is still to be found
        else:
            assert late == pytest.approx(delays[-1], abs=1e-6)
    assert max(delays) == pytest.approx(0.7)


@given(
    order=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    delays=st.lists(st.floats(0, 3), min_size=60, max_size=60),
)
def test_no_packet_is_early_and_none_later_than_the_delays(
    order: list[int], delays: list[float]
) -> None:
    """Groups of up to three B-frames, mixed as an adaptive encoder does, on a bad network."""
    places = [0]
    for bframes in order:
        places += [places[0] + max(places) + place for place in GROUPS[bframes]]
    lateness, now = Lateness(), 0.0
    for count, place in enumerate(places[:60]):
        now = max(now, count / 10 + delays[count])
        late = lateness.late(now, place / 10)
        assert 0 <= late <= 3 + 1.6


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(-1e6, 1e6)), max_size=200))
def test_any_times_give_a_delay(steps: list[tuple[float, float]]) -> None:
    lateness, now = Lateness(), 0.0
    for step, seconds in steps:
        now += step
        assert lateness.late(now, seconds) >= 0


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(-5, 5)), min_size=1, max_size=60))
def test_the_sliding_minimum_is_the_minimum_of_the_window(steps: list[tuple[float, float]]) -> None:
    sliding, now, seen = SlidingMinimum(window=4.0), 0.0, []
    for step, value in steps:
        now += step
        seen.append((now, value))
        expected = min(old for when, old in seen if when >= now - 4.0)
        assert sliding.minimum(now, value) == expected
