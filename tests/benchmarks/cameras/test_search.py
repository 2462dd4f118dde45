"""The bisection finds the number that a machine sustains, whatever the first guess is."""

from __future__ import annotations

import pytest

from benchmarks.cameras.search import Search


def test_it_says_when_no_number_was_too_much() -> None:
    search = Search(3)
    search.tried(3, True)
    assert str(search) == "3 cameras, more were not tried"
    search.tried(4, False)
    assert str(search) == "3 cameras, 4 are too many"


@pytest.mark.parametrize("limit", [0, 1, 3, 7, 12, 40])
@pytest.mark.parametrize("first", [1, 3, 12, 40])
def test_it_finds_what_the_machine_sustains_in_few_trials(limit: int, first: int) -> None:
    search = Search(first)
    trials = 0
    while not search.settled:
        count = search.next
        search.tried(count, count <= limit)
        trials += 1
    assert search.sustained <= limit < search.failed
    assert limit - search.sustained <= limit // 16
    assert trials <= 12
