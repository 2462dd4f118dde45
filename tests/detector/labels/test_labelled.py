"""The data model of labels: order, rounding, choosing, and names of clips."""

from __future__ import annotations

import numpy as np
import pytest

from detector.labels.labelled import Boxes, LabelledBox, LabelledClip, LabelledSet, Mark, safe_name

ROWS = [
    LabelledBox(4, (0.12345678, 1, 2, 3), 0, attributes={"a": 1}),
    LabelledBox(2, (5, 6, 7, 8), 1, 9, 0.5, Mark.LINKED, True, True, {"b": "c"}),
]


def test_boxes_are_in_the_order_of_frames_and_rounded() -> None:
    boxes = Boxes.of(ROWS)
    assert boxes.frames.tolist() == [2, 4] and boxes.boxes_xyxy[1, 0] == 0.123457
    assert boxes.rows()[0] == ROWS[1] and boxes.track_ids == [9]


def test_chosen_boxes_keep_their_attributes() -> None:
    boxes = Boxes.of(ROWS)
    assert boxes[np.array([False, True])].attributes == {0: {"a": 1}}
    assert boxes[np.array([0])].rows() == [ROWS[1]]


def test_classes_are_joined_by_name() -> None:
    clip = LabelledClip("a", Boxes.of(ROWS), np.array([2, 4]), 5)
    found = LabelledSet(("cat", "dog"), (clip,)).with_classes(["dog", "owl", "cat"])
    names = [found.classes[each] for each in found.clips[0].boxes.class_ids]
    assert names == ["dog", "cat"]


@pytest.mark.parametrize(
    ("text", "name"), [("a/b", "a-b"), ("..", "clip"), ("Hof 2", "Hof 2"), ("a\nb", "a-b")]
)
def test_a_name_of_a_clip_can_name_a_folder(text: str, name: str) -> None:
    assert safe_name(text) == name
