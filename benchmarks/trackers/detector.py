"""Simulated detections of a detector with calibrated scores, drawn from the ground truth.

The detections of MOT15 are from 2015: many people are missed, and scores carry little information.
Detectors are better today. Here a fully visible person has a score of 0.9 and a box within a few
percent. The more a person is occluded, the lower the score and the worse the box, until there is
none. Errors last for some frames, as those of a detector do. Most false positives have low
scores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tests.support.labelled_sequences import LabelledSequence
from trackers.motchallenge.text import MotRows

FloatArray = NDArray[np.float64]

VISIBLE, OCCLUSION = 3.3, 6.0  # logit of the score if fully visible; its loss if fully occluded
FRAME_SPREAD, PERSON_SPREAD = 0.7, 0.5  # standard deviations of the logit: by frame, by person
BOX_ERROR = 0.025  # of the box's size if fully visible; three times that if fully occluded
CORRELATION = 0.9  # of an error with that of the next frame
FALSE_RATE = 0.01  # new false positives per frame and person
FALSE_LOGIT, FALSE_SPREAD, FALSE_SURVIVAL = -1.0, 0.9, 0.8
MIN_SCORE = 0.1  # lower detections are dropped
NMS_IOU = 0.7


def detected(sequence: LabelledSequence, seed: int) -> LabelledSequence:
    """Return the sequence with detections drawn from its ground truth."""
    detector = Detector(np.random.default_rng(seed), sequence.truth)
    frames = [detector.detect(sequence.truth.at(int(k))) for k in sequence.frames]
    boxes = np.concatenate([boxes for boxes, _ in frames])
    n = len(boxes)
    rows = MotRows(
        frames=sequence.frames.repeat([len(boxes) for boxes, _ in frames]),
        ids=np.full(n, -1),
        boxes_xyxy=boxes,
        scores=np.concatenate([scores for _, scores in frames]),
        class_ids=np.zeros(n, np.int64),
    )
    return replace(sequence, detections=rows)


@dataclass
class Person:
    """How well a person is detected: a constant offset, and the current errors."""

    offset: float  # of the logit
    errors: FloatArray  # (5,): of the logit, centre x, centre y, width, height


class Detector:
    """A simulated detector for the frames of one sequence, in their order."""

    def __init__(self, random: np.random.Generator, truth: MotRows) -> None:
        self._random = random
        self._sizes = truth.boxes_xyxy[:, 2:] - truth.boxes_xyxy[:, :2]
        self._image_size = truth.boxes_xyxy[:, 2:].max(axis=0)
        self._people: dict[int, Person] = {}
        self._false: list[tuple[FloatArray, float]] = []

    def detect(self, people: MotRows) -> tuple[FloatArray, FloatArray]:
        """Return (n, 4) boxes and (n,) scores detected for the people of one frame."""
        occlusions = occluded(people.boxes_xyxy)
        found = [
            self._found(box, occlusion, self._person(identity))
            for box, occlusion, identity in zip(
                people.boxes_xyxy, occlusions, people.ids.tolist(), strict=True
            )
        ]
        found += self._false_positives(len(people))
        boxes = np.array([box for box, _ in found]).reshape(-1, 4)
        scores = 1 / (1 + np.exp(-np.array([logit for _, logit in found])))
        return suppressed(boxes[scores > MIN_SCORE], scores[scores > MIN_SCORE])

    def _person(self, identity: int) -> Person:
        fresh = self._random.normal(size=5)
        known = self._people.get(identity)
        if known is None:
            person = Person(self._random.normal(0, PERSON_SPREAD), fresh)
        else:
            errors = CORRELATION * known.errors + np.sqrt(1 - CORRELATION**2) * fresh
            person = Person(known.offset, errors)
        self._people[identity] = person
        return person

    def _found(self, box: FloatArray, occlusion: float, person: Person) -> tuple[FloatArray, float]:
        size = box[2:] - box[:2]
        error = BOX_ERROR * (1 + 2 * occlusion) * person.errors[1:]
        centre = (box[:2] + box[2:]) / 2 + error[:2] * size
        half = size * np.exp(error[2:]) / 2
        logit = VISIBLE + person.offset + FRAME_SPREAD * person.errors[0] - OCCLUSION * occlusion
        return np.concatenate((centre - half, centre + half)), float(logit)

    def _false_positives(self, people: int) -> list[tuple[FloatArray, float]]:
        """Return false positives, each of which lasts for some frames."""
        random = self._random
        self._false = [box for box in self._false if random.random() < FALSE_SURVIVAL]
        for _ in range(random.poisson(FALSE_RATE * people)):
            size = random.choice(self._sizes)
            corner = random.uniform(0, 1, 2) * (self._image_size - size)
            logit = random.normal(FALSE_LOGIT, FALSE_SPREAD)
            self._false.append((np.concatenate((corner, corner + size)), logit))
        return self._false


def occluded(boxes_xyxy: FloatArray) -> FloatArray:
    """Return (n,) occluded shares of the boxes; a box that ends lower in the image is in front."""
    in_front = boxes_xyxy[:, None, 3] < boxes_xyxy[:, 3]
    behind = in_front * shared(boxes_xyxy) / areas(boxes_xyxy)[:, None]
    return np.asarray(1 - (1 - behind.clip(0, 1)).prod(axis=1))


def suppressed(boxes_xyxy: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return boxes and scores after non-maximum suppression, highest score first."""
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
    """Return (n, n) areas of the intersections."""
    low = np.maximum(boxes_xyxy[:, None, :2], boxes_xyxy[:, :2])
    high = np.minimum(boxes_xyxy[:, None, 2:], boxes_xyxy[:, 2:])
    return np.asarray((high - low).clip(0).prod(axis=2))


def areas(boxes_xyxy: FloatArray) -> FloatArray:
    """Return (n,) areas."""
    return np.asarray((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1))
