"""How good tracks are: CLEAR and Identity against ground truth, computed by py-motmetrics.

A tool for development: motmetrics is in the extra `dev` and imported only when a score is asked.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.errors import UsageError
from trackers.assignment import overlapping
from trackers.mot import MotRows

MATCH_IOU = 0.5  # from here on a box may be that of a labelled object
METRICS = (  # their names in motmetrics, in the order of Scores; the two rates first
    "mota",
    "idf1",
    "num_switches",
    "num_fragmentations",
    "num_false_positives",
    "num_misses",
    "num_objects",
)


@dataclass(frozen=True, slots=True)
class Scores:
    """What was found, missed and mistaken; the two rates are None where nothing is labelled.

    mota: 1 - (misses + false positives + switches) / objects (Bernardin and Stiefelhagen 2008)
    idf1: share of boxes under the right identity, over the whole sequence (Ristani et al. 2016)
    objects, misses, false_positives: boxes; switches: times that an object changed its identity;
    fragments: times that an object was lost and found again
    """

    mota: float | None
    idf1: float | None
    switches: int
    fragments: int
    false_positives: int
    misses: int
    objects: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of each class, and of all: their counts are summed, not their rates averaged."""

    overall: Scores
    classes: dict[int, Scores]

    def as_json(self) -> dict[str, Any]:
        """Return plain dictionaries, classes by their number as text."""
        classes = {str(c): asdict(scores) for c, scores in self.classes.items()}
        return {"overall": asdict(self.overall), "classes": classes}


def evaluate(truth: MotRows, results: MotRows) -> Evaluation:
    """Return how well the results agree with the truth, class by class, at an IoU of 0.5.

    Truth that is marked with 0 in column 7 is left out. Raises UsageError where motmetrics is
    missing.
    """
    truth = truth[truth.scores != 0]
    classes = np.union1d(truth.class_ids, results.class_ids).tolist() or [0]
    sequences = [
        _accumulate(truth[truth.class_ids == c], results[results.class_ids == c]) for c in classes
    ]
    table = _summarise(sequences)
    return Evaluation(table[-1], dict(zip(classes, table[:-1], strict=True)))


def _accumulate(truth: MotRows, results: MotRows) -> Any:
    """Return the events of one class: who was matched to whom, frame by frame."""
    accumulator = _motmetrics().MOTAccumulator()
    for frame in np.union1d(truth.frames, results.frames).tolist():
        here, found = truth.at(frame), results.at(frame)
        accumulator.update(here.ids, found.ids, _distances(here, found), frameid=frame)
    return accumulator


def _distances(truth: MotRows, results: MotRows) -> NDArray[np.float64]:
    """Return (n, m) 1 - IoU, NaN where a match is out of the question."""
    distances = np.full((len(truth), len(results)), np.nan)
    pairs = overlapping(truth.boxes_xyxy, results.boxes_xyxy)
    pairs = pairs[pairs.iou >= MATCH_IOU]
    distances[pairs.rows, pairs.columns] = 1 - pairs.iou
    return distances


def _summarise(sequences: list[Any]) -> list[Scores]:
    """Return the scores of each sequence, then those of all together."""
    host = _motmetrics().metrics.create()
    table = host.compute_many(sequences, metrics=list(METRICS), generate_overall=True)
    return [_scores(row) for row in table.to_dict("records")]


def _scores(row: dict[str, float]) -> Scores:
    """Return scores from a row of motmetrics, which divides by no objects at all."""
    mota, idf1 = (row[name] if np.isfinite(row[name]) else None for name in METRICS[:2])
    return Scores(mota, idf1, *(int(row[name]) for name in METRICS[2:]))


def _motmetrics() -> Any:
    try:
        import motmetrics  # takes a second, and is no part of the runtime
    except ImportError as error:
        raise UsageError(
            "evaluation needs py-motmetrics, which is not installed: pip install 'framelane[dev]'"
        ) from error
    return motmetrics
