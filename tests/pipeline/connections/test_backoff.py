"""Pauses between attempts: exponential, with jitter, and longer after a rejection."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.connections.backoff import Backoff
from pipeline.connections.status import Cause


class NoJitter(Random):
    """Random numbers that never shorten a pause."""

    def random(self) -> float:
        return 0.0


def pauses(backoff: Backoff, cause: Cause, count: int) -> list[float]:
    return [backoff.pause(cause, steady_seconds=0.0) for _ in range(count)]


def test_pauses_double_up_to_the_maximum() -> None:
    found = pauses(Backoff(0.5, 30.0, NoJitter()), Cause.REFUSED, 9)
    assert found == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


@given(st.integers(0, 1000), st.floats(0.01, 5), st.floats(5, 100), st.integers(1, 2000))
def test_jitter_takes_away_at_most_half_and_adds_nothing(
    seed: int, first: float, maximum: float, count: int
) -> None:
    backoff = Backoff(first, maximum, Random(seed))
    plain = first
    for pause in pauses(backoff, Cause.UNREACHABLE, min(count, 40)):
        assert plain / 2 <= pause <= plain
        plain = min(2 * plain, maximum)


def test_two_cameras_that_fail_together_reconnect_at_different_times() -> None:
    first, second = (Backoff(1, 30, Random(seed)) for seed in (1, 2))
    assert pauses(first, Cause.REFUSED, 3) != pauses(second, Cause.REFUSED, 3)


def test_a_steady_connection_resets_the_pauses_and_a_brief_one_does_not() -> None:
    backoff = Backoff(0.5, 30.0, NoJitter())
    pauses(backoff, Cause.REFUSED, 5)
    assert backoff.pause(Cause.ENDED_BY_PEER, steady_seconds=3.0) == 16
    assert backoff.pause(Cause.ENDED_BY_PEER, steady_seconds=10.0) == 0.5


@pytest.mark.parametrize("cause", [Cause.UNAUTHORISED, Cause.UNSUPPORTED])
def test_after_a_rejection_the_pauses_are_longer_and_keep_growing(cause: Cause) -> None:
    found = pauses(Backoff(0.5, 30.0, NoJitter()), cause, 8)
    assert found[0] == 30
    assert all(before <= after for before, after in pairwise(found))
    assert found[-1] == 600
