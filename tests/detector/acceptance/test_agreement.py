"""Two engines agree if each finds what the other does, whichever of two boxes each keeps."""

from __future__ import annotations

import numpy as np
import pytest

from detector.acceptance.agreement import CONFIDENCE, compare
from detector.candidates import Candidates
from detector.tolerance import Tolerance, usual_tolerances

TOLERANCE = Tolerance(pixels=2, score=0.1, share=1)
NOISE = [
    (300 + 20 * i, 0, 310 + 20 * i, 10, 0.01) for i in range(20)
]  # rows that any network returns


def rows(*given: tuple[float, ...]) -> Candidates:
    """Return the candidates of one image from left, top, right, bottom and class scores."""
    ranked = np.array(sorted(given, key=lambda row: -max(row[4:])), np.float32)
    return Candidates(ranked[None, :, :4], ranked[None, :, 4:])


def with_noise(*given: tuple[float, ...]) -> list[Candidates]:
    """Return one image's candidates: these rows, and the noise that any network returns."""
    return [rows(*given, *NOISE)]


CAR, PERSON = (10, 10, 50, 50, 0.9), (100, 10, 120, 60, 0.6)


def test_equal_rows_agree_completely() -> None:
    agreement = compare(with_noise(CAR, PERSON), with_noise(CAR, PERSON), TOLERANCE)
    assert (agreement.share, agreement.distance) == (1, 0)
    assert (agreement.pixels, agreement.score) == (0, 0)


def test_the_largest_differences_are_reported() -> None:
    moved = (10.5, 10, 50, 51.5, 0.85)
    agreement = compare(with_noise(CAR, PERSON), with_noise(moved, PERSON), TOLERANCE)
    assert agreement.share == 1
    assert agreement.pixels == pytest.approx(1.5)
    assert agreement.score == pytest.approx(0.05)


@pytest.mark.parametrize(
    "changed", [(13, 10, 50, 50, 0.9), (10, 10, 50, 50, 0.75)], ids=["box", "score"]
)
def test_a_difference_beyond_the_tolerance_counts_in_both_directions(
    changed: tuple[float, ...],
) -> None:
    agreement = compare(with_noise(CAR, PERSON), with_noise(changed, PERSON), TOLERANCE)
    assert agreement.share == pytest.approx(1 - 2 / agreement.detections)


def test_a_detection_that_only_one_engine_finds_is_a_disagreement() -> None:
    for left, right in (
        (with_noise(CAR, PERSON), with_noise(CAR)),
        (with_noise(CAR), with_noise(CAR, PERSON)),
    ):
        assert compare(left, right, TOLERANCE).share < 1


def test_a_different_class_is_a_disagreement() -> None:
    one = [rows((10, 10, 50, 50, 0.9, 0.1))]
    other = [rows((10, 10, 50, 50, 0.1, 0.9))]
    assert compare(one, other, TOLERANCE).share == 0


def test_which_of_two_equal_boxes_survives_suppression_makes_no_difference() -> None:
    left, right = (10, 10, 50, 50, 0.800), (16, 10, 56, 50, 0.799)
    swapped = ((10, 10, 50, 50, 0.799), (16, 10, 56, 50, 0.800))
    assert compare(with_noise(left, right), with_noise(*swapped), TOLERANCE).share == 1


def test_a_row_that_may_just_have_missed_the_top_k_is_not_counted() -> None:
    many = [(20.0 * i, 0, 20.0 * i + 10, 10, 0.5 - 0.001 * i) for i in range(20)]
    fewer = compare([rows(*many)], [rows(*many[:15])], TOLERANCE)
    assert fewer.share == 1 and fewer.detections == 30
    better = (0, 500, 10, 510, 0.7)  # this one cannot have missed the top k
    assert compare([rows(*many, better)], [rows(*many[:15])], TOLERANCE).share < 1


def test_with_few_detections_those_of_lower_confidence_are_compared_too() -> None:
    low = [(20.0 * i, 0, 20.0 * i + 10, 10, 0.01 * (20 - i)) for i in range(20)]
    agreement = compare([rows(*low)], [rows(*low)], TOLERANCE)
    assert agreement.detections == 10 and agreement.confidence == pytest.approx(0.15)


def test_with_many_detections_those_below_the_default_threshold_are_not_compared() -> None:
    high = [(20.0 * i, 0, 20.0 * i + 10, 10, 0.9) for i in range(9)]
    agreement = compare(with_noise(*high), with_noise(*high), TOLERANCE)
    assert (agreement.detections, agreement.confidence) == (18, CONFIDENCE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_agree_with_nothing(value: float) -> None:
    broken = [Candidates(np.full((1, 4, 4), value, np.float32), np.ones((1, 4, 1), np.float32))]
    agreement = compare(with_noise(CAR), broken, TOLERANCE)
    assert agreement.share == 0 and np.isfinite([agreement.pixels, agreement.distance]).all()


def test_no_rows_agree_with_nothing() -> None:
    nothing = [Candidates(np.zeros((1, 0, 4), np.float32), np.zeros((1, 0, 1), np.float32))]
    assert compare(with_noise(CAR), nothing, TOLERANCE).share == 0
    assert compare(nothing, nothing, TOLERANCE).detections == 0


def test_images_of_several_batches_are_compared_in_order() -> None:
    batches = [*with_noise(CAR), *with_noise(PERSON)]
    together = Candidates(
        np.concatenate([one.boxes_xyxy for one in batches]),
        np.concatenate([one.scores for one in batches]),
    )
    assert compare(batches, [together], TOLERANCE).share == 1
    assert compare(batches[::-1], [together], TOLERANCE).share < 1


def test_the_usual_tolerances_grow_with_the_input_where_errors_do() -> None:
    small, large = usual_tolerances((384, 640)), usual_tolerances((1280, 1280))
    assert large["int8"].pixels == 2 * small["int8"].pixels
    assert (small["fp32"].pixels, small["fp32"].score) == (0.5, 1e-3)
    assert (large["fp16"].pixels, large["fp16"].score) == (1.0, 5e-3)
