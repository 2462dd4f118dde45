"""Where a model is good and where not: curves over confidence, confusions, the worst images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array
from trainer.evaluation.average_precision import EvaluatedImage
from trainer.evaluation.matching import NOTHING, match

OVERLAP = 0.5  # IoU from which an object counts as found
CONFIDENCES = np.linspace(0, 1, 101)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What one class is worth, from the surest detection to the least sure.

    recall, precision: (n,) after each detection; objects: that are there
    by_confidence: (101, 3) precision, recall and F1 of what is at least as sure as 0, 0.01, ... 1
    """

    recall: FloatArray
    precision: FloatArray
    objects: int
    by_confidence: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What there is to see beyond average precision.

    curves: of each class that occurs
    confidence: where the mean F1 over classes is highest, the one to use the model with
    confusion: (c + 1, c + 1) int64: found as (row), labelled as (column), the last of each is
        nothing, at that confidence
    mistakes: (images,) int64, objects missed, and detections that are wrong, at that confidence
    """

    curves: dict[str, Curve]
    confidence: float
    confusion: Int64Array
    mistakes: Int64Array

    @property
    def f1(self) -> float:
        """The mean F1 over classes at that confidence."""
        return float(_mean_f1(self.curves)[round(self.confidence * 100)]) if self.curves else 0.0

    def worst(self, count: int) -> list[int]:
        """Return the positions of up to `count` images with mistakes, in their order."""
        order = np.argsort(-self.mistakes, kind="stable")[:count]
        return sorted(int(i) for i in order if self.mistakes[i])


def analyse(evaluated: Sequence[EvaluatedImage], class_names: Sequence[str]) -> Analysis:
    """Return where the detections of images are right and where not."""
    curves = _curves(evaluated, class_names)
    confidence = float(CONFIDENCES[_mean_f1(curves).argmax()]) if curves else 0.0
    size = len(class_names) + 1
    confusion = np.zeros((size, size), np.int64)
    mistakes = np.zeros(len(evaluated), np.int64)
    for number, image in enumerate(evaluated):
        mine = _confused(image, size, confidence)
        confusion += mine
        mistakes[number] = mine.sum() - np.trace(mine)
    return Analysis(curves, confidence, confusion, mistakes)


def _mean_f1(curves: dict[str, Curve]) -> FloatArray:
    mean: FloatArray = np.mean([curve.by_confidence[:, 2] for curve in curves.values()], axis=0)
    return mean


def _curves(evaluated: Sequence[EvaluatedImage], class_names: Sequence[str]) -> dict[str, Curve]:
    """Return the curve of each class that has objects."""
    scores, class_ids, right = [], [], []
    for image in evaluated:
        matches = match(image, OVERLAP)
        hit = matches.found != NOTHING
        counts = hit | ~matches.ignored
        scores.append(image.detections.scores[matches.rows[counts]])
        class_ids.append(image.detections.class_ids[matches.rows[counts]])
        right.append(hit[counts])
    score, class_id, is_right = (np.concatenate(parts) for parts in (scores, class_ids, right))
    objects = np.bincount(
        np.concatenate([image.class_ids for image in evaluated]), minlength=len(class_names)
    )
    return {
        name: _curve(score[class_id == i], is_right[class_id == i], int(objects[i]))
        for i, name in enumerate(class_names)
        if objects[i]
    }


def _curve(scores: FloatArray, right: NDArray[np.bool_], objects: int) -> Curve:
    order = np.argsort(-scores, kind="stable")
    hits = right[order].cumsum()
    recall = hits / objects
    precision = hits / np.arange(1, len(hits) + 1)
    # how many detections are at least as sure
    count = np.searchsorted(-scores[order], -CONFIDENCES, side="right")
    some = np.maximum(count, 1) - 1
    at = np.zeros((len(CONFIDENCES), 3))
    if len(hits):
        at[:, 0] = np.where(count, precision[some], 1.0)
        at[:, 1] = np.where(count, recall[some], 0.0)
    at[:, 2] = 2 * at[:, 0] * at[:, 1] / np.maximum(at[:, 0] + at[:, 1], 1e-9)
    return Curve(recall, precision, objects, at)


def _confused(image: EvaluatedImage, size: int, confidence: float) -> Int64Array:
    """Count what was found as what in one image, whatever class it is."""
    counts = np.zeros((size, size), np.int64)
    sure = image.detections.scores >= confidence
    shown = replace(image, detections=image.detections[sure])
    matches = match(shown, OVERLAP, any_class=True)
    classes = shown.detections.class_ids[matches.rows]
    hit = matches.found != NOTHING
    np.add.at(counts, (classes[hit], image.class_ids[matches.found[hit]]), 1)
    np.add.at(counts[:, -1], classes[~hit & ~matches.ignored], 1)
    missed = np.ones(len(image.class_ids), bool)
    missed[matches.found[hit]] = False
    np.add.at(counts[-1], image.class_ids[missed], 1)
    return counts
