"""Checks of the values that options may take."""

from __future__ import annotations

from itertools import pairwise

from detector.errors import UsageError


def check_scores(**scores: float) -> None:
    """Raise UsageError unless the scores are from 0 to 1 and in ascending order."""
    values = [0.0, *scores.values(), 1.0]
    if not all(low <= high for low, high in pairwise(values)):
        listed = ", ".join(f"{name} {score}" for name, score in scores.items())
        order = ", in ascending order" if len(scores) > 1 else ""
        raise UsageError(f"{listed}: scores from 0 to 1 are expected{order}")


def check_fractions(**values: float) -> None:
    """Raise UsageError unless the values are above 0 and at most 1."""
    for name, value in values.items():
        if not 0 < value <= 1:
            raise UsageError(f"{name} {value}: a number above 0 and at most 1 is expected")


def check_positive(**values: float) -> None:
    """Raise UsageError unless the values are above 0."""
    for name, value in values.items():
        if not value > 0:
            raise UsageError(f"{name} {value}: a number above 0 is expected")


def check_not_negative(**values: float) -> None:
    """Raise UsageError unless the values are 0 or more."""
    for name, value in values.items():
        if not value >= 0:
            raise UsageError(f"{name} {value}: a number of 0 or more is expected")
