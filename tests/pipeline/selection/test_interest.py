"""Frames with doubtful, new, vanishing or unseen boxes are interesting."""

from __future__ import annotations

import numpy as np

from detector.labels.labelled import Boxes, LabelledBox, LabelledClip, Mark
from pipeline.selection.interest import interest

FRAMES = 20


def clip(*changed: LabelledBox, without: tuple[int, ...] = ()) -> LabelledClip:
    """Return a clip with one sure object that stands still, and boxes that differ."""
    frames = {box.frame for box in changed} | set(without)
    usual = [box(k) for k in range(FRAMES) if k not in frames]
    return LabelledClip("clip", Boxes.of([*usual, *changed]), np.arange(FRAMES), FRAMES)


def box(
    frame: int, score: float = 0.95, left: float = 10, mark: Mark = Mark.DETECTED
) -> LabelledBox:
    return LabelledBox(frame, (left, 10, left + 20, 50), 0, 1, score, mark)


def test_nothing_is_interesting_where_all_is_sure() -> None:
    assert interest(clip()).tolist() == [0] * FRAMES


def test_a_doubtful_score_is_interesting() -> None:
    assert interest(clip(box(7, 0.5))).argmax() == 7
    found = interest(clip(box(7, 0.5), box(12, 0.1)))
    assert found[7] > found[12] > found[3] == 0


def test_a_box_that_jumps_or_vanishes_is_interesting_with_its_neighbours() -> None:
    for changed in (clip(box(7, left=300)), clip(without=(7,))):
        found = interest(changed)
        assert found.argmax() == 7
        assert found[6] == found[8] > found[4]


def test_what_was_not_seen_is_interesting() -> None:
    for mark in (Mark.INTERPOLATED, Mark.LINKED):
        found = interest(clip(box(7, mark=mark)))
        assert np.flatnonzero(found).tolist() == [7]


def test_labels_without_scores_or_boxes_are_accepted() -> None:
    nothing = LabelledClip("clip", Boxes.of([]), np.arange(3), 3)
    assert interest(nothing).tolist() == [0, 0, 0]
    unscored = LabelledClip("clip", Boxes.of([LabelledBox(1, (0, 0, 5, 5), 0)]), np.arange(3), 3)
    assert interest(unscored)[1] > 0
