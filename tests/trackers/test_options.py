"""The options of a tracker are what its constructor declares, defaults of None included."""

from __future__ import annotations

from typing import Any

import pytest

from detector.errors import UsageError
from trackers.options import check_options


class Example:
    def __init__(
        self,
        *,
        limit: float | None = None,
        count: int = 3,
        metric: str = "iou",
        aware: bool = True,
    ) -> None:
        """Take an option of every kind."""


@pytest.mark.parametrize(
    "options",
    [{}, {"limit": None}, {"limit": 2.5, "metric": "centre"}, {"limit": 2, "aware": False}],
)
def test_values_of_the_declared_kinds_are_accepted(options: dict[str, Any]) -> None:
    check_options("example", Example, options)


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
def test_another_kind_is_answered_with_the_declared_one(
    option: str, value: object, expected: str
) -> None:
    with pytest.raises(UsageError) as raised:
        check_options("example", Example, {option: value})
    assert str(raised.value) == f"example option {option}={value!r}: {expected} is expected"


def test_an_option_that_is_not_declared_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"example has no option 'self'"):
        check_options("example", Example, {"self": 1})
    with pytest.raises(UsageError, match=r"no option 'metrik'; did you mean 'metric'"):
        check_options("example", Example, {"metrik": "iou"})
