"""Pauses between attempts: longer and longer, with jitter, and patient where a camera said no."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.connections.backoff import Backoff
from pipeline.connections.status import Cause


class Latest(Random):
    """Chance that never shortens a pause."""

    def random(self) -> float:
        return 0.0


def pauses(backoff: Backoff, cause: Cause, count: int) -> list[float]:
    return [backoff.pause(cause, steady_seconds=0.0) for _ in range(count)]


def test_pauses_double_up_to_the_longest() -> None:
    found = pauses(Backoff(0.5, 30.0, Latest()), Cause.REFUSED, 9)
    assert found == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


@given(st.integers(0, 1000), st.floats(0.01, 5), st.floats(5, 100), st.integers(1, 2000))
def test_jitter_takes_at_most_half_and_never_adds(
    seed: int, first: float, longest: float, count: int
) -> None:
    backoff = Backoff(first, longest, Random(seed))
    plain = first
    for pause in pauses(backoff, Cause.UNREACHABLE, min(count, 40)):
        assert plain / 2 <= pause <= plain
        plain = min(2 * plain, longest)


def test_two_cameras_that_fail_together_come_back_apart() -> None:
    first, second = (Backoff(1, 30, Random(seed)) for seed in (1, 2))
    assert pauses(first, Cause.REFUSED, 3) != pauses(second, Cause.REFUSED, 3)


def test_a_steady_connection_makes_pauses_short_again_and_a_brief_one_does_not() -> None:
    backoff = Backoff(0.5, 30.0, Latest())
    pauses(backoff, Cause.REFUSED, 5)
    assert backoff.pause(Cause.ENDED_BY_PEER, steady_seconds=3.0) == 16
    assert backoff.pause(Cause.ENDED_BY_PEER, steady_seconds=10.0) == 0.5


@pytest.mark.parametrize("cause", [Cause.UNAUTHORISED, Cause.UNSUPPORTED])
def test_a_camera_that_said_no_is_asked_rarely_and_ever_more_rarely(cause: Cause) -> None:
    found = pauses(Backoff(0.5, 30.0, Latest()), cause, 8)
    assert found[0] == 30
    assert all(before <= after for before, after in pairwise(found))
    assert found[-1] == 600
