"""Tracks are joined across gaps where their motion on both sides fits, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from trackers.motchallenge.text import MotRows
from trackers.refinement.links import linked
from trackers.refinement.tracklets import Tracklets

RATE = 20.0


def walker(
    identity: int,
    frames: range,
    *,
    speed: float = 100.0,
    left: float = 0.0,
    height: float = 100.0,
    class_id: int = 0,
) -> MotRows:
    """Return a track that moves to the right from `left` at frame 0, `speed` pixels a second."""
    n = len(frames)
    lefts = left + speed * np.array(frames) / RATE
    tops = np.zeros(n)
    return MotRows(
        np.array(frames),
        np.full(n, identity),
        np.stack((lefts, tops, lefts + height / 2, tops + height), axis=1),
        np.full(n, 0.9),
        np.full(n, class_id),
    )


def names(*tracks: MotRows) -> list[int]:
    """Return the identities after linking, of tracks 1, 2, ... in this order."""
    rows = MotRows.concatenated(tracks)
    rows = rows[np.lexsort((rows.ids, rows.frames))]
    found = linked(Tracklets.of(rows), rows.frames / RATE).result.rows.ids
    return [int(found[rows.ids == k + 1][0]) for k in range(len(tracks))]


def test_a_walker_who_was_hidden_for_a_second_is_one_track() -> None:
    assert names(walker(1, range(30)), walker(2, range(50, 80))) == [1, 1]


def test_three_parts_are_one_track() -> None:
    parts = walker(1, range(30)), walker(2, range(40, 60)), walker(3, range(70, 90))
    assert names(*parts) == [1, 1, 1]


@pytest.mark.parametrize(
    "other",
    [
        walker(2, range(29, 60)),  # begins when the first has not ended
        walker(2, range(62, 90)),  # more than 1.5 s later
        walker(2, range(50, 80), left=200),  # two heights away
        walker(2, range(50, 80), height=50),  # half as high
        walker(2, range(50, 80), class_id=1),
        walker(2, range(50, 80), speed=-100, left=500),  # goes the other way
        walker(2, range(50, 52)),  # too short to know its direction
    ],
)
def test_another_object_stays_another(other: MotRows) -> None:
    assert names(walker(1, range(30)), other) == [1, 2]


def test_of_two_that_may_continue_a_track_the_better_one_does() -> None:
    near, exact = walker(2, range(50, 80), left=15), walker(3, range(50, 80))
    assert names(walker(1, range(30)), near, exact) == [1, 2, 1]


def test_two_who_cross_while_hidden_keep_their_ways() -> None:
    one, other = walker(1, range(30)), walker(2, range(30), speed=-100, left=400)
    one_later = walker(3, range(50, 80), speed=-100, left=400)
    other_later = walker(4, range(50, 80))
    assert names(one, other, one_later, other_later) == [1, 2, 2, 1]
