"""The boxes that each set of rules scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.errors import UsageError
from tests.support.mot_rows import overall, rows
from trackers.evaluation.evaluate import evaluate
from trackers.evaluation.rules import Rules


@pytest.mark.parametrize("rules", ["classes", "mot15"])
def test_ground_truth_with_score_0_is_excluded(rules: Rules) -> None:
    truth = rows((1, 1, 0, 0, 0), (1, 2, 300, 0, 0))
    truth = replace(truth, scores=np.array([1.0, 0.0]))
    assert overall(truth, rows((1, 1, 0, 0, 0)), rules)["mota"] == 1


def test_only_pedestrians_must_be_found_and_results_on_distractors_are_ignored() -> None:
    """In MOT17 a static person is a distractor; a car is a false positive."""
    pedestrian, static_person, car = (1, 1, 0, 0, 1), (1, 2, 100, 0, 7), (1, 3, 200, 0, 3)
    truth = rows(pedestrian, static_person, car)
    results = rows((1, 1, 0, 0, 0), (1, 2, 100, 0, 0), (1, 3, 200, 0, 0))
    scores = overall(truth, results, "mot17")
    assert [scores[name] for name in ("objects", "misses", "false_positives")] == [1, 0, 1]
    vehicle = rows(pedestrian, (1, 2, 100, 0, 6))
    found = rows((1, 1, 0, 0, 0), (1, 2, 100, 0, 0))
    assert overall(vehicle, found, "mot17")["false_positives"] == 1
    assert overall(vehicle, found, "mot20")["false_positives"] == 0


def test_a_class_unknown_to_the_rules_is_refused() -> None:
    with pytest.raises(
        UsageError,
        match="class 14 in column 8 of the ground truth, but mot17 has the classes 1 to 13",
    ):
        evaluate(rows((1, 1, 0, 0, 14)), rows(), "mot17")
