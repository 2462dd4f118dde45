"""Decoding times made from times of display, against FFmpeg's own and against the laws."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.packets.order import DecodingTimes, reordered
from tests.support.cameras import encoded, numbered

OPENING = 16


@pytest.mark.parametrize("bframes", [0, 1, 2, 3])
def test_video_of_a_real_encoder_keeps_its_times_of_display(bframes: int) -> None:
    packets = list(encoded(numbered(frames=100), gop=25, bframes=bframes))
    pts = [packet.pts for packet in packets]
    order = DecodingTimes(pts[:OPENING])
    made = [order.times(each) for each in pts]
    assert [shown for shown, _ in made] == pts
    assert order.repaired == 0
    by_x264 = [packet.dts for packet in packets]  # which may delay by more than it needs
    assert all(ours >= theirs for (_, ours), theirs in zip(made, by_x264, strict=True))


@given(st.lists(st.integers(1, 5), min_size=20, max_size=60), st.integers(0, 4), st.integers(0))
def test_decoding_times_increase_and_are_never_after_those_of_display(
    steps: list[int], depth: int, seed: int
) -> None:
    shown = [sum(steps[: k + 1]) for k in range(len(steps))]
    chance = random.Random(seed)
    decoded = [
        time
        for k in range(0, len(shown), depth + 1)
        for time in chance.sample(shown[k : k + depth + 1], len(shown[k : k + depth + 1]))
    ]
    order = DecodingTimes(decoded)
    made = [order.times(each) for each in decoded]
    assert all(before < after for (_, before), (_, after) in pairwise(made))
    assert all(dts <= pts for pts, dts in made)
    assert [pts for pts, _ in made] == decoded


def test_a_camera_that_repeats_a_time_is_repaired_and_counted() -> None:
    order = DecodingTimes([0, 3600, 7200])
    assert [order.times(pts) for pts in (0, 3600, 3600, 7200)] == [
        (0, 0),
        (3600, 3600),
        (3601, 3601),
        (7200, 7200),
    ]
    assert order.repaired == 1


def test_reordering_is_how_many_packets_a_displayed_one_waits_for() -> None:
    assert reordered([]) == 0
    assert reordered([0, 1, 2]) == 0
    assert reordered([0, 3, 1, 2]) == 1
    assert reordered([0, 4, 2, 1, 3]) == 2


def test_the_containers_times_of_decoding_are_kept_where_they_fit() -> None:
    """Here the stream reorders by one packet at first, and then by two."""
    displayed = [0, 2, 1, 4, 3, 8, 6, 5, 7, 9]
    decoded = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7]
    order = DecodingTimes(displayed[:5])
    assert [order.times(*each) for each in zip(displayed, decoded, strict=True)] == list(
        zip(displayed, decoded, strict=True)
    )
    assert order.repaired == 0


def test_a_containers_times_that_do_not_increase_are_replaced() -> None:
    order = DecodingTimes([0, 1, 2, 3])
    found = [order.times(*each) for each in zip([0, 1, 2, 3], [0, 0, 5, 3], strict=True)]
    assert found == [(0, 0), (1, 1), (2, 2), (3, 3)]
