"""Trends and slopes of a live run, and the claims that must hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import click
import numpy as np

_QUANTILE = 1.645  # of the normal distribution: one-sided test at 5%


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that must hold, the measured value, and whether it holds."""

    words: str
    measured: str
    holds: bool

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "DOES NOT HOLD"
        return f"{verdict:<14}{self.words}: {self.measured}"


def judge(claims: Iterable[Claim]) -> int:
    """Print each claim; return the exit code: 0 if all hold, else 1."""
    judged = list(claims)
    click.echo("\n" + "\n".join(map(str, judged)))
    return int(not all(claim.holds for claim in judged))


def grows(values: Sequence[float]) -> bool:
    """Return whether values have a significant upward trend (Mann 1945, Kendall 1975).

    The test compares all pairs of values, so one bad minute is no trend.
    """
    n = len(values)
    rises = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    return n > 2 and rises - 1 > _QUANTILE * sqrt(n * (n - 1) * (2 * n + 5) / 18)


def slope_per_minute(seconds: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of values per minute, by linear regression."""
    return float(np.polyfit(np.asarray(seconds) / 60, np.asarray(values, float), 1)[0])
