"""Trackers take arrays and objects of other libraries; errors name what is accepted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from detector.detections import Detections
from detector.errors import UsageError
from trackers.inputs import as_detections

BOXES = [[10.0, 20.0, 50.0, 120.0], [200.0, 20.0, 240.0, 120.0]]


def test_an_array_has_boxes_scores_and_optionally_classes() -> None:
    rows = [[*box, score] for box, score in zip(BOXES, (0.9, 0.4), strict=True)]
    for array in (rows, np.array(rows), np.array(rows, np.float32)):
        found = as_detections(array)
        assert found.boxes_xyxy.tolist() == BOXES
        assert found.scores.tolist() == [np.float32(0.9), np.float32(0.4)]
        assert found.class_ids.tolist() == [0, 0]
    classes = as_detections(np.hstack((rows, [[2], [1]]))).class_ids
    assert classes.tolist() == [2, 1] and classes.dtype == np.int64


@pytest.mark.parametrize(
    ("confidence", "class_id", "scores", "classes"),
    [
        (np.array([0.9, 0.4]), np.array([2, 1]), [0.9, 0.4], [2, 1]),
        (None, None, [1.0, 1.0], [0, 0]),
    ],
)
def test_an_object_with_the_attributes_of_supervision_is_accepted(
    confidence: Any, class_id: Any, scores: list[float], classes: list[int]
) -> None:
    boxes = SimpleNamespace(xyxy=np.array(BOXES), confidence=confidence, class_id=class_id)
    found = as_detections(boxes)
    assert found.boxes_xyxy.tolist() == BOXES
    assert found.scores.tolist() == pytest.approx(scores)
    assert found.class_ids.tolist() == classes


def test_detections_are_returned_as_they_are() -> None:
    detections = Detections.empty()
    assert as_detections(detections) is detections


@pytest.mark.parametrize("empty", [[], np.zeros((0, 5)), np.zeros((0, 6))])
def test_empty_input_gives_no_detections(empty: Any) -> None:
    assert len(as_detections(empty)) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros((2, 4)), r"shape \(2, 4\)"),
        (np.zeros(5), r"shape \(5,\)"),
        ("boxes", "type str"),
        (
            SimpleNamespace(xyxy=np.array(BOXES), confidence=np.ones(3), class_id=None),
            r"2 boxes, confidence of shape \(3,\)",
        ),
    ],
)
def test_an_error_names_the_wrong_shape_or_type(wrong: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        as_detections(wrong)
