"""Tracks remember how their scores changed."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Detections
from trackers.base.agile_motion import AgileWidthHeight
from trackers.base.agile_table import AgileTable

BOXES = np.array([[0, 0, 10, 10], [50, 0, 60, 10]], np.float32)


def detections(*scores: float) -> Detections:
    n = len(scores)
    return Detections(BOXES[:n], np.array(scores, np.float32), np.zeros(n, np.int64))


def seen_twice(first: float, second: float) -> AgileTable:
    """Return a track that was matched with these scores, 1/30 s apart."""
    motion = AgileWidthHeight().start(BOXES[:1])
    table = AgileTable.born(motion, detections(first), 0.0)
    return table.matched(motion, np.array([0.3]), np.array([0]), detections(second), 1 / 30)


def test_a_new_track_is_expected_to_keep_its_score() -> None:
    table = AgileTable.born(AgileWidthHeight().start(BOXES), detections(0.9, 0.5), 0.0)
    assert table.expected_scores(1 / 30).tolist() == pytest.approx([0.9, 0.5])
    assert table.agility.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(0.9, 0.7, 0.5), (0.9, 0.4, 0.1), (0.6, 0.9, 1.0)]
)
def test_a_score_goes_on_as_the_last_two_did_from_a_tenth_to_one(
    first: float, second: float, expected: float
) -> None:
    table = seen_twice(first, second)
    assert table.expected_scores(1 / 30).tolist() == pytest.approx([expected])
    assert table.agility.tolist() == [0.3]


def test_after_a_longer_time_less_of_the_change_is_expected() -> None:
    assert seen_twice(0.9, 0.7).expected_scores(0.1).tolist() == pytest.approx([0.6])


def test_a_track_keeps_the_box_of_its_last_match() -> None:
    motion = AgileWidthHeight().start(BOXES)
    table = AgileTable.born(motion, detections(0.9, 0.5), 0.0)
    moved = Detections(BOXES[:1] + 3, np.ones(1, np.float32), np.zeros(1, np.int64))
    table = table.matched(motion, np.zeros(1), np.array([1]), moved, 1 / 30)
    assert table.detected.tolist() == [[0, 0, 10, 10], [3, 3, 13, 13]]
