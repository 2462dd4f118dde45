"""Pairs of boxes that are near each other, as expanding the boxes would find them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.detections import Detections, Float32Array
from trackers.base.box_motion import centre_and_sides
from trackers.base.reaching import near_pairs


def random_boxes(random: np.random.Generator, count: int) -> Float32Array:
    corners = random.uniform(0, 300, (count, 2))
    return np.hstack((corners, corners + random.uniform(5, 90, (count, 2)))).astype(np.float32)


def detections(boxes: Float32Array, class_ids: list[int] | None = None) -> Detections:
    labels = np.zeros(len(boxes), np.int64) if class_ids is None else np.array(class_ids)
    return Detections(boxes, np.full(len(boxes), 0.9, np.float32), labels)


def expanded(box: np.ndarray, reach: np.ndarray) -> np.ndarray:
    sides = (box[2:] - box[:2]) * reach
    return np.concatenate((box[:2] - sides, box[2:] + sides))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 12))
@example(0, 90, 60)  # more than MATRIX_SIZE pairs
@example(1, 70, 80)
def test_near_pairs_are_those_that_overlap_when_both_boxes_are_expanded(
    seed: int, count: int, other_count: int
) -> None:
    random = np.random.default_rng(seed)
    boxes, others = random_boxes(random, count), random_boxes(random, other_count)
    reaches = random.uniform(0, 0.6, (2, count))
    near = near_pairs(centre_and_sides(boxes), reaches, detections(others))
    expected = {}
    for i, box in enumerate(boxes.astype(float)):
        for k, other in enumerate(others.astype(float)):
            a, b = expanded(box, reaches[:, i]), expanded(other, reaches[:, i])
            width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
            if min(width, height) > 1e-9:
                areas = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod()
                both = max(a[3], b[3]) - min(a[1], b[1])
                tallest = max(box[3] - box[1], other[3] - other[1])
                feet = abs(box[3] - other[3]) / tallest
                iou = width * height / (areas - width * height)
                expected[i, k] = (iou, height / both, feet)
    pairs = zip(near.pairs.rows.tolist(), near.pairs.columns.tolist(), strict=True)
    found = np.stack((near.pairs.iou, near.height_overlap, near.foot_distance), axis=1)
    by_pair = dict(zip(pairs, found.tolist(), strict=True))
    touching = {pair for pair, (iou, *_) in by_pair.items() if iou < 1e-9}
    assert by_pair.keys() - touching == expected.keys() - touching
    for pair, values in expected.items():
        assert by_pair[pair] == pytest.approx(values, rel=1e-5, abs=1e-9)


def test_pairs_of_different_classes_are_left_out_if_classes_are_given() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    position, reaches = centre_and_sides(boxes), np.zeros((2, 2))
    found = detections(boxes, [0, 1])
    near = near_pairs(position, reaches, found, np.array([1, 0]))
    assert list(zip(near.pairs.rows, near.pairs.columns, strict=True)) == [(0, 1), (1, 0)]
    assert len(near_pairs(position, reaches, found).pairs) == 4
