"""Overlap against exact arithmetic, assignment against a search of all assignments."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers.base.assignment import Pairs, assign, overlapping

Box = tuple[int, int, int, int]
small_boxes = st.lists(
    st.builds(
        lambda x, y, w, h: (x, y, x + w, y + h),
        st.integers(-20, 20),
        st.integers(-20, 20),
        st.integers(1, 30),
        st.integers(1, 30),
    ),
    max_size=8,
)


def exact_iou(a: Box, b: Box) -> Fraction:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    both = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b))
    return Fraction(shared, both - shared)


@settings(deadline=None)
@given(small_boxes, small_boxes)
def test_overlapping_returns_all_overlapping_pairs_with_their_iou(
    boxes: list[Box], others: list[Box]
) -> None:
    expected = {
        (i, k): exact_iou(a, b)
        for i, a in enumerate(boxes)
        for k, b in enumerate(others)
        if exact_iou(a, b) > 0
    }
    pairs = overlapping(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(others, np.float32).reshape(-1, 4)
    )
    found = zip(pairs.rows.tolist(), pairs.columns.tolist(), strict=True)
    assert dict(zip(found, pairs.iou.tolist(), strict=True)) == pytest.approx(expected, rel=1e-6)


def min_cost(cost: np.ndarray, limit: float) -> float:
    """Return the lowest cost of all assignments; an unmatched box costs limit / 2."""
    n, m = cost.shape
    padded = np.full((n + m, n + m), limit / 2)
    padded[n:, m:] = 0
    padded[:n, :m] = cost
    size = n + m
    costs: list[list[float]] = padded.tolist()
    return min(sum(costs[i][k] for i, k in enumerate(order)) for order in permutations(range(size)))


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from((0.3, 0.5, 0.7, 0.9, 1.0)),
    st.sampled_from((0.3, 0.6, 1.0)),
)
def test_no_assignment_costs_less(seed: int, n: int, m: int, limit: float, density: float) -> None:
    random = np.random.default_rng(seed)
    cost = np.where(random.random((n, m)) < density, random.random((n, m)), 2.0)
    rows, columns = np.nonzero(cost < 2)
    pairs = Pairs(rows, columns, np.ones(len(rows)))
    made = assign(pairs, cost[rows, columns], limit)
    assert (cost[rows, columns][made] < limit).all()
    assert len(set(rows[made].tolist())) == len(set(columns[made].tolist())) == len(made)
    alone = n + m - 2 * len(made)
    total = cost[rows, columns][made].sum() + alone * limit / 2
    assert total == pytest.approx(min_cost(cost, limit))


def test_of_two_pairs_that_share_a_box_the_cheaper_is_matched() -> None:
    pairs = Pairs(np.array([0, 1, 2]), np.array([0, 0, 1]), np.ones(3))
    assert sorted(assign(pairs, np.array([0.4, 0.3, 0.2]), limit=0.5).tolist()) == [1, 2]


def test_a_pair_at_the_limit_is_not_matched() -> None:
    pairs = Pairs(np.array([0]), np.array([0]), np.ones(1))
    assert len(assign(pairs, np.array([0.5]), limit=0.5)) == 0


def test_a_cost_that_is_not_a_number_is_refused() -> None:
    pairs = Pairs(np.array([0]), np.array([0]), np.ones(1))
    with pytest.raises(AssertionError, match="not a number"):
        assign(pairs, np.array([np.nan]), limit=0.5)


def test_no_boxes_give_no_pairs() -> None:
    no_boxes = np.zeros((0, 4), np.float32)
    pairs = overlapping(no_boxes, np.array([[0, 0, 5, 5]], np.float32))
    assert len(pairs) == 0
    assert len(assign(pairs, 1 - pairs.iou, limit=0.5)) == 0


def test_boxes_that_only_touch_do_not_overlap() -> None:
    left, right = np.array([[0, 0, 5, 5]]), np.array([[5.0, 0, 9, 5]])
    assert len(overlapping(left.astype(np.float64), right)) == 0


def test_an_inverted_box_overlaps_nothing() -> None:
    inverted, box = np.array([[30.0, 30, 10, 10]]), np.array([[0.0, 0, 40, 40]])
    pairs = overlapping(inverted, box)
    assert len(assign(pairs, 1 - pairs.iou, limit=1.0)) == 0
