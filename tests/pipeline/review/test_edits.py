"""Corrections change what is meant, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detector.errors import UsageError
from detector.labels.labelled import NO_TRACK, Boxes, LabelledBox, LabelledClip, Mark
from pipeline.review.edits import added, deleted, merged, moved, of_class, split

FRAMES = 6


def boxes() -> Boxes:
    """Return track 1 in frames 0 to 2, track 2 in 3 to 5, track 3 in all, and one without track."""
    tracked = [*((k, 1) for k in range(3)), *((k, 2) for k in range(3, 6))]
    tracked += [(k, 3) for k in range(FRAMES)]
    rows = [
        LabelledBox(frame, (10 * track, 0, 10 * track + 8, 9), track % 2, track, 0.5, Mark.LINKED)
        for frame, track in tracked
    ]
    return Boxes.of([*rows, LabelledBox(4, (50, 0, 58, 9), 1)])


def by_track(found: Boxes) -> dict[int, list[int]]:
    return {
        track: found.frames[found.tracks == track].tolist()
        for track in np.unique(found.tracks).tolist()
    }


def test_a_track_or_a_box_is_deleted() -> None:
    before = boxes()
    assert by_track(deleted(before, before.tracks == 3)) == {-1: [4], 1: [0, 1, 2], 2: [3, 4, 5]}
    one = np.arange(len(before)) == 0
    assert by_track(deleted(before, one))[1] == [1, 2]
    assert by_track(before)[1] == [0, 1, 2], "the old labels stay"


def test_a_track_gets_another_class() -> None:
    found = of_class(boxes(), boxes().tracks == 1, 7)
    assert found.class_ids[found.tracks == 1].tolist() == [7, 7, 7]
    assert 7 not in found.class_ids[found.tracks != 1]


def test_a_moved_box_is_drawn_by_a_person() -> None:
    found = moved(boxes(), 2, (1.0, 2.0, 3.5, 4.25))
    assert found.boxes_xyxy[2].tolist() == [1, 2, 3.5, 4.25]
    assert found.marks.tolist().count(Mark.NONE) == boxes().marks.tolist().count(Mark.NONE) + 1
    assert found.marks[2] == Mark.NONE


def test_a_box_is_added_in_its_frame() -> None:
    clip = LabelledClip("clip", boxes(), np.arange(FRAMES), FRAMES)
    found = added(clip, 1, (70, 0, 80, 9), 2, NO_TRACK)
    assert len(found) == len(boxes()) + 1
    new = found.boxes_xyxy[:, 0] == 70
    assert (found.frames[new].tolist(), found.class_ids[new].tolist()) == ([1], [2])
    assert by_track(added(clip, 4, (70, 0, 80, 9), 2, 1))[1] == [0, 1, 2, 4]


def test_two_parts_of_a_track_are_merged_and_split_again() -> None:
    one = merged(boxes(), 1, 2)
    assert by_track(one)[1] == [0, 1, 2, 3, 4, 5]
    assert set(one.class_ids[one.tracks == 1].tolist()) == {1}, "the first gives the class"
    again = split(one, 1, 3)
    assert by_track(again) == {-1: [4], 1: [0, 1, 2], 3: list(range(FRAMES)), 4: [3, 4, 5]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda b: merged(b, 1, 3), "tracks 1 and 3 are both in frame 0, and in 3 frames together"),
        (lambda b: merged(b, 1, 1), "cannot be merged: choose two tracks"),
        (lambda b: merged(b, 1, 99), "cannot be merged: choose two tracks"),
        (lambda b: split(b, 1, 0), "track 1 has no boxes on both sides of frame 0"),
        (lambda b: split(b, 1, 3), "track 1 has no boxes on both sides of frame 3"),
        (lambda b: moved(b, 0, (5, 5, 5, 9)), "has no area"),
        (lambda b: moved(b, 0, (float("nan"), 5, 6, 9)), "has no area"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: Callable[[Boxes], Boxes], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        wrong(boxes())


def test_a_track_has_one_box_in_a_frame() -> None:
    clip = LabelledClip("clip", boxes(), np.arange(FRAMES), FRAMES)
    with pytest.raises(UsageError, match="track 1 has a box in frame 1 already"):
        added(clip, 1, (70, 0, 80, 9), 2, 1)
