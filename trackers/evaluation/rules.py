"""Which ground truth must be found, and which results are ignored.

The MOTChallenge rules are those of its evaluation kit (Dendorfer et al. 2021, IJCV,
"MOTChallenge: A benchmark for single-camera multiple target tracking", section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from detector.errors import UsageError
from trackers.evaluation.clear import EPSILON, MATCH_IOU
from trackers.evaluation.comparison import best, compare
from trackers.motchallenge.text import MotRows

Rules = Literal["classes", "mot15", "mot17", "mot20"]

PEDESTRIAN = 1
LABELLED = range(1, 14)  # the classes of MOT16, MOT17 and MOT20
_LIKE_PEDESTRIANS = (2, 7, 8, 12)  # person on vehicle, static person, distractor, reflection
DISTRACTORS: Mapping[Rules, tuple[int, ...]] = {  # classes whose matched results are ignored
    "mot17": _LIKE_PEDESTRIANS,
    "mot20": (*_LIKE_PEDESTRIANS, 6),  # and non-motorised vehicle
}


def scored_rows(truth: MotRows, results: MotRows, rules: Rules) -> tuple[MotRows, MotRows]:
    """Return the boxes of ground truth and results that are scored.

    Ground truth with 0 in column 7 is excluded. With `mot17` and `mot20` only pedestrians must be
    found, and results matched to a distractor are ignored.
    Raises UsageError for a ground-truth class outside 1 to 13 with `mot17` or `mot20`.
    """
    marked = truth.scores != 0
    if rules not in DISTRACTORS:
        return truth[marked], results
    unknown = np.setdiff1d(truth.class_ids, LABELLED)
    if len(unknown):
        raise UsageError(
            f"class {unknown[0]} in column 8 of the ground truth, but {rules} has the classes 1 to "
            "13 only: correct it, or give --rules classes, which accepts any class"
        )
    results = _without(truth, results, DISTRACTORS[rules])
    return truth[marked & (truth.class_ids == PEDESTRIAN)], results


def _without(truth: MotRows, results: MotRows, distractors: tuple[int, ...]) -> MotRows:
    """Return the results without those matched to ground truth of these classes."""
    comparison = compare(truth, results)
    counts = np.ones(len(results), bool)
    for here in comparison.frames():
        pairs = comparison.pairs[here]
        pairs = pairs[pairs.iou >= MATCH_IOU - EPSILON]
        made = pairs[best(pairs, pairs.iou)]
        counts[made.columns[np.isin(truth.class_ids[made.rows], distractors)]] = False
    return results[counts]
