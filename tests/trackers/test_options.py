"""The options of a tracker are the keyword arguments of its constructor."""

from __future__ import annotations

from typing import Any

import pytest

from detector.errors import UsageError
from detector.renamed import RenamedWarning
from trackers import make_tracker
from trackers.options import RENAMED, checked_options


class Example:
    def __init__(
        self,
        *,
        limit: float | None = None,
        count: int = 3,
        metric: str = "iou",
        aware: bool = True,
    ) -> None:
        """Take an option of every type."""


@pytest.mark.parametrize(
    "options",
    [{}, {"limit": None}, {"limit": 2.5, "metric": "centre"}, {"limit": 2, "aware": False}],
)
def test_values_of_the_declared_types_are_accepted(options: dict[str, Any]) -> None:
    assert checked_options("example", Example, options) == options


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("limit", "far", "a number or null"),
        ("limit", True, "a number or null"),
        ("count", 2.5, "a whole number"),
        ("count", None, "a whole number"),
        ("metric", 5, "text"),
        ("aware", 1, "true or false"),
    ],
)
def test_an_error_names_the_declared_type(option: str, value: object, expected: str) -> None:
    with pytest.raises(UsageError) as raised:
        checked_options("example", Example, {option: value})
    assert str(raised.value) == f"example option {option}={value!r}: {expected} is expected"


def test_an_error_for_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"example has no option 'self'"):
        checked_options("example", Example, {"self": 1})
    with pytest.raises(UsageError, match=r"no option 'metrik'; did you mean 'metric'"):
        checked_options("example", Example, {"metrik": "iou"})


@pytest.mark.parametrize(
    ("tracker", "old", "new"),
    [
        ("sort", "least_iou", "min_iou"),
        ("ocsort", "least_score", "min_score"),
        ("bytetrack", "weak_match_cost", "low_score_match_cost"),
        ("lane", "weak_match_cost", "low_score_match_cost"),
    ],
)
def test_an_old_option_name_works_and_warns_with_the_new_one(
    tracker: str, old: str, new: str
) -> None:
    with pytest.warns(RenamedWarning, match=f"tracker: {old} is called {new} now"):
        make_tracker(tracker, **{old: 0.25})
    with pytest.warns(RenamedWarning), pytest.raises(UsageError, match=f"{new} 2.0"):
        make_tracker(tracker, **{old: 2.0})


def test_an_option_under_both_names_is_refused() -> None:
    with (
        pytest.warns(RenamedWarning),
        pytest.raises(UsageError, match="least_iou and min_iou are one option"),
    ):
        make_tracker("sort", least_iou=0.2, min_iou=0.3)


def test_a_tracker_that_declares_an_old_name_keeps_it() -> None:
    class Overlap:
        def __init__(self, *, least_iou: float = 0.3) -> None:
            """Take an option under its own name."""

    assert "least_iou" in RENAMED
    assert checked_options("overlap", Overlap, {"least_iou": 0.5}) == {"least_iou": 0.5}
