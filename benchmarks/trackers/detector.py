"""Detections as a detector with calibrated scores gives them, drawn from the ground truth.

MOT15's own detections are those of 2015: many people are missed, and scores say little. Trackers
meet better ones today. Here whoever is seen well has a score of 0.9 and a box within a few percent;
whoever is covered by people in front has a lower score and a worse box, down to none; errors last
for some frames, as those of a detector do; and there are boxes of nothing, most of them weak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.trackers.material import Material
from trackers.motchallenge.text import MotRows

FloatArray = NDArray[np.float64]

SURE, COVERED = 3.3, 6.0  # logit of the score of who is seen well; what it loses who is covered
SPREAD, HARD = 0.7, 0.5  # standard deviations of the logit: of a moment, of a person
BOX_ERROR = 0.025  # of a box's size, of who is seen well; three times that of who is covered
LASTING = 0.9  # how much of an error the next frame has, too
FALSE = 0.01  # boxes of nothing that begin per frame and person
FALSE_LOGIT, FALSE_SPREAD, FALSE_LASTING = -1.0, 0.9, 0.8
LEAST = 0.1  # score; what is below is not given
NMS_IOU = 0.7


def detected(material: Material, seed: int) -> Material:
    """Return the sequence with detections that are drawn from its ground truth."""
    detector = Detector(np.random.default_rng(seed), material.truth)
    frames = [detector.look(material.truth.at(int(k))) for k in material.frames]
    boxes = np.concatenate([boxes for boxes, _ in frames])
    n = len(boxes)
    rows = MotRows(
        frames=material.frames.repeat([len(boxes) for boxes, _ in frames]),
        ids=np.full(n, -1),
        boxes_xyxy=boxes,
        scores=np.concatenate([scores for _, scores in frames]),
        class_ids=np.zeros(n, np.int64),
    )
    return replace(material, detections=rows)


@dataclass
class Person:
    """How well someone is detected: how hard in general, and the errors of the moment."""

    hard: float
    errors: FloatArray  # (5,): of the logit, and of centre x, y, width, height


class Detector:
    """Looks at the frames of one sequence, in their order."""

    def __init__(self, random: np.random.Generator, truth: MotRows) -> None:
        self._random = random
        self._sizes = truth.boxes_xyxy[:, 2:] - truth.boxes_xyxy[:, :2]
        self._picture = truth.boxes_xyxy[:, 2:].max(axis=0)
        self._people: dict[int, Person] = {}
        self._false: list[tuple[FloatArray, float]] = []

    def look(self, there: MotRows) -> tuple[FloatArray, FloatArray]:
        """Return (n, 4) boxes and (n,) scores of what is found of who is there."""
        hidden = covered(there.boxes_xyxy)
        found = [
            self._found(box, share, self._person(identity))
            for box, share, identity in zip(
                there.boxes_xyxy, hidden, there.ids.tolist(), strict=True
            )
        ]
        found += self._nothing(len(there))
        boxes = np.array([box for box, _ in found]).reshape(-1, 4)
        scores = 1 / (1 + np.exp(-np.array([logit for _, logit in found])))
        return suppressed(boxes[scores > LEAST], scores[scores > LEAST])

    def _person(self, identity: int) -> Person:
        fresh = self._random.normal(size=5)
        known = self._people.get(identity)
        if known is None:
            person = Person(self._random.normal(0, HARD), fresh)
        else:
            errors = LASTING * known.errors + np.sqrt(1 - LASTING**2) * fresh
            person = Person(known.hard, errors)
        self._people[identity] = person
        return person

    def _found(self, box: FloatArray, hidden: float, person: Person) -> tuple[FloatArray, float]:
        size = box[2:] - box[:2]
        error = BOX_ERROR * (1 + 2 * hidden) * person.errors[1:]
        centre = (box[:2] + box[2:]) / 2 + error[:2] * size
        half = size * np.exp(error[2:]) / 2
        logit = SURE + person.hard + SPREAD * person.errors[0] - COVERED * hidden
        return np.concatenate((centre - half, centre + half)), float(logit)

    def _nothing(self, people: int) -> list[tuple[FloatArray, float]]:
        """Return boxes of nothing, which stay for a while."""
        random = self._random
        self._false = [one for one in self._false if random.random() < FALSE_LASTING]
        for _ in range(random.poisson(FALSE * people)):
            size = random.choice(self._sizes)
            corner = random.uniform(0, 1, 2) * (self._picture - size)
            logit = random.normal(FALSE_LOGIT, FALSE_SPREAD)
            self._false.append((np.concatenate((corner, corner + size)), logit))
        return self._false


def covered(boxes_xyxy: FloatArray) -> FloatArray:
    """Return (n,) the share of each box that is behind others: behind is who stands further up."""
    in_front = boxes_xyxy[:, None, 3] < boxes_xyxy[:, 3]
    behind = in_front * shared(boxes_xyxy) / areas(boxes_xyxy)[:, None]
    return np.asarray(1 - (1 - behind.clip(0, 1)).prod(axis=1))


def suppressed(boxes_xyxy: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the boxes less those that overlap a better one too much, the best first."""
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes_xyxy[order], scores[order]
    both, area = shared(boxes), areas(boxes)
    overlap = both / (area[:, None] + area - both)
    kept = np.ones(len(boxes), bool)
    for k in range(len(boxes)):
        if kept[k]:
            kept[k + 1 :] &= overlap[k, k + 1 :] < NMS_IOU
    return boxes[kept], scores[kept]


def shared(boxes_xyxy: FloatArray) -> FloatArray:
    """Return (n, n) areas that boxes have in common."""
    low = np.maximum(boxes_xyxy[:, None, :2], boxes_xyxy[:, :2])
    high = np.minimum(boxes_xyxy[:, None, 2:], boxes_xyxy[:, 2:])
    return np.asarray((high - low).clip(0).prod(axis=2))


def areas(boxes_xyxy: FloatArray) -> FloatArray:
    """Return (n,) areas."""
    return np.asarray((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1))
