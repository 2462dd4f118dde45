"""Frames are chosen where it matters, where they look new, and spread over time."""

from __future__ import annotations

import numpy as np

from pipeline.selection.choose import chosen

RANDOM = np.random.default_rng(3)
SAME = RANDOM.integers(0, 255, (18, 32), dtype=np.uint8)


def of_one_look(count: int) -> np.ndarray:
    return np.repeat(SAME[None], count, axis=0)


def test_interesting_frames_are_chosen() -> None:
    interest = np.zeros(100)
    interest[[12, 40, 77]] = 1
    assert chosen(interest, of_one_look(100), np.arange(100.0), 3).tolist() == [12, 40, 77]


def test_of_frames_side_by_side_one_is_enough() -> None:
    interest = np.zeros(100)
    interest[10:14] = 1
    found = chosen(interest, of_one_look(100), np.arange(100.0), 3)
    assert sum(10 <= frame < 14 for frame in found.tolist()) == 1


def test_what_looks_new_is_chosen_although_nothing_is_doubtful() -> None:
    planes = of_one_look(100)
    planes[60] = RANDOM.integers(0, 255, (18, 32))
    assert 60 in chosen(np.zeros(100), planes, np.arange(100.0), 2)


def test_a_picture_that_is_only_brighter_is_not_new() -> None:
    planes = np.repeat((SAME // 2)[None], 100, axis=0)
    planes[60] += 100
    found = chosen(np.linspace(0, 0.1, 100), planes, np.arange(100.0), 2)
    assert 60 not in found


def test_without_any_sign_frames_are_spread_over_time() -> None:
    found = chosen(np.zeros(101), of_one_look(101), np.arange(101.0), 5)
    assert len(np.unique(found)) == 5
    assert np.diff(found).min() >= 10


def test_all_frames_are_chosen_if_there_are_no_more() -> None:
    assert chosen(np.zeros(3), of_one_look(3), np.arange(3.0), 9).tolist() == [0, 1, 2]
    assert chosen(np.zeros(0), of_one_look(0), np.zeros(0), 9).tolist() == []
    assert chosen(np.zeros(3), of_one_look(3), np.zeros(3), 2).tolist() == [0, 1]
