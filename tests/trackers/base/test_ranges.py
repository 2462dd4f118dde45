"""Limits of the values of options, and the messages that name them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from detector.errors import UsageError
from trackers.base.ranges import (
    check_fractions,
    check_not_negative,
    check_positive,
    check_scores,
)

Check = Callable[..., None]


def test_values_at_the_limits_are_accepted() -> None:
    check_scores(low_score=0.0, high_score=1.0)
    check_fractions(min_iou=1.0)
    check_positive(buffer_seconds=1e-9)
    check_not_negative(momentum=0.0)


@pytest.mark.parametrize(
    ("check", "values", "said"),
    [
        (check_scores, {"min_score": 1.1}, "min_score 1.1: scores from 0 to 1 are expected"),
        (
            check_scores,
            {"low_score": 0.7, "high_score": 0.6},
            "low_score 0.7, high_score 0.6: scores from 0 to 1 are expected, in ascending order",
        ),
        (check_fractions, {"cost": 0.0}, "cost 0.0: a number above 0 and at most 1 is expected"),
        (check_fractions, {"cost": 1.1}, "cost 1.1: a number above 0 and at most 1 is expected"),
        (check_positive, {"seconds": 0.0}, "seconds 0.0: a number above 0 is expected"),
        (check_not_negative, {"reach": -1.0}, "reach -1.0: a number of 0 or more is expected"),
    ],
)
def test_values_beyond_the_limits_are_refused(
    check: Check, values: dict[str, float], said: str
) -> None:
    with pytest.raises(UsageError) as raised:
        check(**values)
    assert str(raised.value) == said


@pytest.mark.parametrize(
    "check", [check_scores, check_fractions, check_positive, check_not_negative]
)
def test_nan_is_refused(check: Check) -> None:
    with pytest.raises(UsageError):
        check(value=math.nan)
