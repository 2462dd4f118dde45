"""Looks in vain make movement wait, and what is new does not wait for it."""

from __future__ import annotations

import numpy as np

from pipeline.attention.motion import BoolArray
from pipeline.attention.patience import Patience

SHAPE = (12, 20)
NOTHING = np.zeros(SHAPE, bool)


def cells(*columns: int, rows: slice = slice(4, 7)) -> BoolArray:
    """Return three moving cells in each of these columns."""
    moving = np.zeros(SHAPE, bool)
    moving[rows, list(columns)] = True
    return moving


def in_vain(times: int) -> Patience:
    """Return a patience after looks at the same movement, in which nothing was found."""
    patience = Patience(max_seconds=1.0)
    for number in range(times):
        patience.looked(cells(3, 4), NOTHING, NOTHING, number / 10)
    return patience


def test_movement_waits_longer_after_each_look_in_vain_up_to_the_limit() -> None:
    waits = [in_vain(times).wait(cells(3, 4), times / 10) or 0.0 for times in (1, 2, 4, 20)]
    assert waits == sorted(waits) and waits[0] > 0.05 and waits[-1] <= 1.0


def test_movement_elsewhere_waits_only_a_little() -> None:
    elsewhere = in_vain(20).wait(cells(15), 2.0)
    assert elsewhere is not None and 0 < elsewhere <= 0.24


def test_movement_that_has_grown_is_looked_at_at_once() -> None:
    assert in_vain(20).wait(cells(*range(3, 12)), 2.0) == 0


def test_where_something_new_was_found_nothing_waits() -> None:
    patience = in_vain(20)
    patience.looked(NOTHING, cells(3, 4), NOTHING, 2.0)
    assert patience.wait(cells(3, 4), 2.1) == 0


def test_a_doubt_is_looked_at_again_soon_and_then_ever_more_rarely() -> None:
    patience = Patience(max_seconds=1.0)
    waits = []
    for number in range(40):
        patience.looked(cells(3, 4), NOTHING, cells(3, 4), number / 10)
        waits.append(patience.doubt(number / 10))
    assert waits == sorted(waits)
    assert waits[0] <= 0.05 and waits[5] <= 0.15 and waits[-1] == 1.0


def test_a_doubt_makes_no_other_movement_wait() -> None:
    patience = Patience(max_seconds=1.0)
    patience.looked(cells(3, 4), NOTHING, cells(3, 4), 0.0)
    assert patience.wait(cells(15), 0.1) == 0


def test_a_doubt_lasts_a_moment_if_the_next_look_finds_nothing_in_what_moves_there() -> None:
    patience = Patience(max_seconds=1.0)
    patience.looked(cells(3, 4), NOTHING, cells(3, 4), 0.0)
    patience.looked(cells(4, 5), NOTHING, NOTHING, 0.1)
    assert patience.doubt(0.1) <= 0.1
    patience.looked(cells(4, 5), NOTHING, NOTHING, 0.6)
    assert patience.doubt(0.6) == float("inf")


def test_a_doubt_ends_with_the_look_that_finds_a_track_or_nothing() -> None:
    for found in (cells(3, 4), NOTHING):
        patience = Patience(max_seconds=1.0)
        patience.looked(cells(3, 4), NOTHING, cells(3, 4), 0.0)
        patience.looked(NOTHING, found, NOTHING, 0.1)
        assert patience.doubt(0.1) == float("inf")


def test_without_movement_nothing_is_asked_for() -> None:
    assert in_vain(3).wait(NOTHING, 1.0) is None
