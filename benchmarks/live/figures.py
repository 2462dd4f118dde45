"""What minutes of a live run amount to: trends and slopes, and what has to hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import click
import numpy as np

_SURE = 1.645  # standard deviations that chance exceeds in one case of twenty


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that has to hold, what was measured, and whether it does."""

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
    """Return whether values rise more often than chance would let them (Mann 1945, Kendall 1975).

    Asks of each pair which of the two is larger, so that one bad minute is no trend.
    """
    n = len(values)
    rises = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    return n > 2 and rises - 1 > _SURE * sqrt(n * (n - 1) * (2 * n + 5) / 18)


def slope_per_minute(seconds: Sequence[float], values: Sequence[float]) -> float:
    """Return what values gain in a minute: the slope of the straight line through them."""
    return float(np.polyfit(np.asarray(seconds) / 60, np.asarray(values, float), 1)[0])
