"""Matching in steps, and the pairs that are undone for too little overlap."""

from __future__ import annotations

import numpy as np

from trackers.base.assignment import Pairs
from trackers.base.matching import Matching

ALL = np.ones(2, bool)
PAIRS = Pairs(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.9, 0.6, 0.2]))


def test_a_later_step_matches_only_what_is_left() -> None:
    matching = Matching(2, 2)
    first_track = np.array([True, False])
    matching.step(PAIRS, 1 - PAIRS.iou, 1.0, tracks=first_track, detections=ALL)
    assert matching.partners.tolist() == [0, -1]
    matching.step(PAIRS, 1 - PAIRS.iou, 1.0, tracks=ALL, detections=ALL)
    assert matching.partners.tolist() == [0, 1]


def test_only_the_given_detections_are_matched() -> None:
    matching = Matching(2, 2)
    second = np.array([False, True])
    matching.step(PAIRS, 1 - PAIRS.iou, 1.0, tracks=ALL, detections=second)
    assert matching.partners.tolist() == [1, -1]


def test_a_match_below_min_iou_is_undone_and_its_boxes_stay_available() -> None:
    """By total overlap, track 0 gets detection 0 and track 1 gets detection 1."""
    matching = Matching(2, 2)
    matching.step(PAIRS, -PAIRS.iou, 0.0, tracks=ALL, detections=ALL, min_iou=0.3)
    assert matching.partners.tolist() == [0, -1]
    matching.step(PAIRS, -PAIRS.iou, 0.0, tracks=ALL, detections=ALL)
    assert matching.partners.tolist() == [0, 1]
