"""The factor on the odds of INT8 scores is that which was taken from them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from detector.candidates import Candidates
from detector.int8.score_odds import fitted_odds

NMS_IOU = 0.5


def candidates(boxes: ArrayLike, scores: ArrayLike) -> Candidates:
    """Return the candidates of one image."""
    return Candidates(np.array([boxes], np.float32), np.array([scores], np.float32))


def with_odds(one: Candidates, factor: float) -> Candidates:
    """Return the candidates with the odds of all scores multiplied, by the definition of odds."""
    odds = one.scores / (1 - one.scores) * np.float32(factor)
    return Candidates(one.boxes_xyxy, odds / (1 + odds))


@pytest.fixture
def image() -> Candidates:
    """Four objects of two classes, far from each other; the last one scores below 0.1."""
    boxes = [[x, 0, x + 20, 30] for x in (0, 100, 200, 300)]
    return candidates(boxes, [[0.9, 0.01], [0.01, 0.7], [0.4, 0.02], [0.05, 0.01]])


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.3])
def test_a_factor_that_was_taken_from_all_odds_is_found(factor: float, image: Candidates) -> None:
    assert fitted_odds([image], [with_odds(image, factor)], NMS_IOU) == pytest.approx(1 / factor)


def test_the_mean_is_that_of_logarithms_over_the_objects_of_all_images(image: Candidates) -> None:
    found = [with_odds(image, 0.5), with_odds(image, 0.25)]  # three objects each
    assert fitted_odds([image, image], found, NMS_IOU) == pytest.approx((2 * 4) ** 0.5)


def test_boxes_apart_other_classes_and_faint_objects_tell_nothing(image: Candidates) -> None:
    lower = with_odds(image, 0.5)
    moved = Candidates(lower.boxes_xyxy + np.float32(50), lower.scores)
    swapped = Candidates(lower.boxes_xyxy, lower.scores[..., ::-1].copy())
    faint = candidates([[300, 0, 320, 30]], [[0.05, 0.01]])
    assert fitted_odds([image] * 3, [moved, swapped, faint], NMS_IOU) == 1
    nothing = candidates(np.zeros((0, 4)), np.zeros((0, 2)))
    assert fitted_odds([image, nothing], [nothing, image], NMS_IOU) == 1
    assert fitted_odds([], [], NMS_IOU) == 1


def test_of_two_boxes_on_one_object_the_nearer_one_is_its_own() -> None:
    one = candidates([[0, 0, 20, 30]], [[0.5]])
    two = candidates([[6, 0, 26, 30], [1, 0, 21, 30]], [[0.8], [0.2]])  # their own IoU is 0.6
    assert fitted_odds([one], [two], 0.9) == pytest.approx(4)


def test_a_certain_score_stays_finite() -> None:
    one = candidates([[0, 0, 20, 30]], [[1.0]])
    assert fitted_odds([one], [one], NMS_IOU) == 1
