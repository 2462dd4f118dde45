"""Non-maximum suppression, compared with a slow version written from its definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.detections import Detections, Float32Array
from detector.nms import suppress

Box = tuple[int, int, int, int]


def exact_iou(a: Box, b: Box) -> Fraction:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    both = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b))
    return Fraction(shared, both - shared)


def slow_twin(
    boxes: list[Box], scores: list[list[float]], confidence: float, iou: Fraction, agnostic: bool
) -> list[int]:
    """Return the indices of the remaining rows, by the definition, in exact arithmetic."""
    best = [(max(row), row.index(max(row))) for row in scores]
    in_order = sorted(range(len(boxes)), key=lambda i: -best[i][0])  # stable: earlier rows first
    left: list[int] = []
    for i in in_order:
        rivals = [k for k in left if agnostic or best[k][1] == best[i][1]]
        clear = all(exact_iou(boxes[i], boxes[k]) <= iou for k in rivals)
        if best[i][0] > confidence and clear:
            left.append(i)
    return left


corner = st.integers(-20, 60)
side = st.integers(1, 60)
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
# few distinct scores, so that equal ones are common
score_rows = st.lists(st.integers(0, 8).map(lambda eighths: eighths / 8), min_size=3, max_size=3)
rows = st.lists(st.tuples(box, score_rows), max_size=60)


@given(
    rows=rows,
    confidence=st.sampled_from([0, 0.25, 0.5, 0.9]),
    iou=st.sampled_from(["0", "0.25", "0.45", "0.5", "0.65", "1"]),
    agnostic=st.booleans(),
)
def test_the_result_is_that_of_the_definition(
    rows: list[tuple[Box, list[float]]], confidence: float, iou: str, agnostic: bool
) -> None:
    boxes, scores = [row[0] for row in rows], [row[1] for row in rows]
    expected = slow_twin(boxes, scores, confidence, Fraction(iou), agnostic)
    found = suppress(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32).reshape(-1, 3),
        confidence=confidence,
        iou=float(iou),
        agnostic=agnostic,
    )
    assert found.boxes_xyxy.tolist() == [list(boxes[i]) for i in expected]
    assert found.scores.tolist() == [max(scores[i]) for i in expected]
    assert found.class_ids.tolist() == [scores[i].index(max(scores[i])) for i in expected]


anything = st.floats(width=32)
wild_rows = st.lists(st.tuples(st.tuples(*[anything] * 4), st.tuples(*[anything] * 2)), max_size=12)


@given(rows=wild_rows)
def test_only_valid_boxes_come_out_of_any_floats(
    rows: list[tuple[tuple[float, ...], tuple[float, ...]]],
) -> None:
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    scores = np.array([row[1] for row in rows], np.float32).reshape(-1, 2)
    found = suppress(boxes, scores)
    assert np.isfinite(found.boxes_xyxy).all()
    assert (found.boxes_xyxy[:, :2] < found.boxes_xyxy[:, 2:]).all()
    assert (found.scores > 0.25).all()


def two_at_one_place() -> tuple[Float32Array, Float32Array]:
    boxes = np.array([[-9, -9, 30, 30], [-8, -9, 31, 30], [100, 100, 140, 140]], np.float32)
    scores = np.array([[0.9, 0.1, 0], [0, 0.8, 0], [0.1, 0.2, 0.7]], np.float32)
    return boxes, scores


def test_objects_of_different_classes_may_overlap_unless_suppression_is_agnostic() -> None:
    assert suppress(*two_at_one_place()).class_ids.tolist() == [0, 1, 2]
    assert suppress(*two_at_one_place(), agnostic=True).class_ids.tolist() == [0, 2]


def test_only_the_chosen_classes_come_out() -> None:
    assert suppress(*two_at_one_place(), classes=[1, 2]).class_ids.tolist() == [1, 2]
    assert len(suppress(*two_at_one_place(), classes=[])) == 0


def test_the_limit_keeps_the_best() -> None:
    found = suppress(*two_at_one_place(), max_detections=2)
    np.testing.assert_allclose(found.scores, [0.9, 0.8])


def test_a_score_at_the_threshold_is_not_above_it() -> None:
    boxes = np.array([[0, 0, 1, 1]], np.float32)
    assert len(suppress(boxes, np.array([[0.25]], np.float32), confidence=0.25)) == 0


@pytest.mark.parametrize("rows", [0, 5])
def test_without_scores_above_the_threshold_there_are_no_detections(rows: int) -> None:
    found = suppress(np.ones((rows, 4), np.float32), np.zeros((rows, 80), np.float32))
    assert isinstance(found, Detections)
    assert len(found) == 0


def test_the_candidates_are_not_changed() -> None:
    boxes, scores = two_at_one_place()
    boxes.flags.writeable = scores.flags.writeable = False
    found = suppress(boxes, scores)
    np.testing.assert_array_equal(found.boxes_xyxy, boxes)
