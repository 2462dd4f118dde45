"""Analysis of a model's errors: curves over confidence, confusion matrix, errors per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array
from trainer.evaluation.average_precision import EvaluatedImage
from trainer.evaluation.matching import NO_MATCH, match

MIN_IOU = 0.5  # of a detection that matches an object
CONFIDENCES = np.linspace(0, 1, 101)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision and recall of one class, over detections in order of falling confidence.

    recall, precision: (n,) after each detection; objects: number of labelled objects
    by_confidence: (101, 3) precision, recall and F1 at a threshold of 0, 0.01, ... 1
    """

    recall: FloatArray
    precision: FloatArray
    objects: int
    by_confidence: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Results beyond average precision.

    curves: by class, of the classes that occur
    confidence: the threshold at which the mean F1 over classes is highest
    confusion: (c + 1, c + 1) int64 at that threshold: detected as (row), labelled as (column); the
        last row and column are background
    mistakes: (images,) int64, missed objects plus wrong detections at that threshold
    """

    curves: dict[str, Curve]
    confidence: float
    confusion: Int64Array
    mistakes: Int64Array

    @property
    def f1(self) -> float:
        """The mean F1 over classes at the threshold `confidence`."""
        return float(_mean_f1(self.curves)[round(self.confidence * 100)]) if self.curves else 0.0

    def worst(self, count: int) -> list[int]:
        """Return the positions of the `count` images with most mistakes, in order."""
        order = np.argsort(-self.mistakes, kind="stable")[:count]
        return sorted(int(i) for i in order if self.mistakes[i])


def analyse(evaluated: Sequence[EvaluatedImage], class_names: Sequence[str]) -> Analysis:
    """Return the curves, confusions and mistakes of evaluated images."""
    curves = _curves(evaluated, class_names)
    confidence = float(CONFIDENCES[_mean_f1(curves).argmax()]) if curves else 0.0
    size = len(class_names) + 1
    confusion = np.zeros((size, size), np.int64)
    mistakes = np.zeros(len(evaluated), np.int64)
    for number, image in enumerate(evaluated):
        counts = _confusion(image, size, confidence)
        confusion += counts
        mistakes[number] = counts.sum() - np.trace(counts)
    return Analysis(curves, confidence, confusion, mistakes)


def _mean_f1(curves: dict[str, Curve]) -> FloatArray:
    mean: FloatArray = np.mean([curve.by_confidence[:, 2] for curve in curves.values()], axis=0)
    return mean


def _curves(evaluated: Sequence[EvaluatedImage], class_names: Sequence[str]) -> dict[str, Curve]:
    """Return the curve of each class that has objects."""
    scores, class_ids, right = [], [], []
    for image in evaluated:
        matches = match(image, MIN_IOU)
        hit = matches.found != NO_MATCH
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
    # number of detections at or above each threshold
    count = np.searchsorted(-scores[order], -CONFIDENCES, side="right")
    last = np.maximum(count, 1) - 1
    at = np.zeros((len(CONFIDENCES), 3))
    if len(hits):
        at[:, 0] = np.where(count, precision[last], 1.0)
        at[:, 1] = np.where(count, recall[last], 0.0)
    at[:, 2] = 2 * at[:, 0] * at[:, 1] / np.maximum(at[:, 0] + at[:, 1], 1e-9)
    return Curve(recall, precision, objects, at)


def _confusion(image: EvaluatedImage, size: int, confidence: float) -> Int64Array:
    """Return the confusion matrix of one image; boxes are matched regardless of class."""
    counts = np.zeros((size, size), np.int64)
    confident = image.detections.scores >= confidence
    shown = replace(image, detections=image.detections[confident])
    matches = match(shown, MIN_IOU, any_class=True)
    classes = shown.detections.class_ids[matches.rows]
    hit = matches.found != NO_MATCH
    np.add.at(counts, (classes[hit], image.class_ids[matches.found[hit]]), 1)
    np.add.at(counts[:, -1], classes[~hit & ~matches.ignored], 1)
    missed = np.ones(len(image.class_ids), bool)
    missed[matches.found[hit]] = False
    np.add.at(counts[-1], image.class_ids[missed], 1)
    return counts
