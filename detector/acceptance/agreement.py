"""Whether two engines find the same in the same pictures, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.acceptance.tolerance import Tolerance
from detector.candidates import Candidates
from detector.detections import Detections, Float32Array
from detector.nms import suppress

CONFIDENCE = 0.25  # what users see unless they ask for less
AT_LEAST = 5  # detections of a picture: with fewer, less sure ones are compared, too


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far what an engine finds is from what its reference finds, over several pictures.

    detections: of either, each looked for among all rows of the other
    share: of them, 0..1, of which there is a row within the tolerance
    distance: mean over them of how far the nearest row is, 1 being the tolerance; at most 10 each
    pixels, score: the largest differences to the nearest row
    confidence: from which they were compared
    """

    detections: int
    share: float
    distance: float
    pixels: float
    score: float
    confidence: float


class Rows(NamedTuple):
    """The candidates of one picture: (k, 4) and (k, c)."""

    boxes_xyxy: Float32Array
    scores: Float32Array


class Nearest(NamedTuple):
    """The row that is nearest to a detection; distance: 1 is the tolerance."""

    distance: float
    pixels: float
    score: float


FAR = 10.0  # a distance that says no more than that there is no such row
NOWHERE = 1e6  # pixels, and a score, that nothing is near to


def compare(
    reference: Sequence[Candidates], found: Sequence[Candidates], tolerance: Tolerance
) -> Agreement:
    """Return how far `found` agrees with `reference`, batch for batch of the same pictures.

    Suppression decides between boxes that are nearly equally good, so a detection of one is looked
    for among all rows of the other, in both directions. One that is missing is no disagreement if
    its score is so near to the least that the other returns that it may just not be among them.
    """
    pairs = list(zip(_pictures(reference), _pictures(found), strict=True))
    confidence = _confidence([rows for rows, _ in pairs])
    nearest = [
        one
        for left, right in pairs
        for here, there in ((left, right), (right, left))
        for one in _look_for(_detections(here, confidence), there, tolerance)
    ]
    if not nearest:
        return Agreement(0, 0.0, FAR, 0.0, 0.0, confidence)
    distance, pixels, score = np.array(nearest).T
    return Agreement(
        detections=len(nearest),
        share=float((distance <= 1).mean()),
        distance=float(distance.mean()),
        pixels=float(pixels.max()),
        score=float(score.max()),
        confidence=confidence,
    )


def _pictures(batches: Sequence[Candidates]) -> Iterator[Rows]:
    for batch in batches:
        yield from map(Rows, batch.boxes_xyxy, batch.scores)


def _confidence(pictures: Sequence[Rows]) -> float:
    """Return the usual confidence, or one that leaves enough detections to be compared."""
    scores = np.concatenate([_detections(rows, 0.0).scores for rows in pictures])
    wanted = AT_LEAST * len(pictures)
    if len(scores) <= wanted:
        return 0.0
    return min(CONFIDENCE, float(np.sort(scores)[-wanted - 1]))


def _detections(rows: Rows, confidence: float) -> Detections:
    return suppress(rows.boxes_xyxy, rows.scores, confidence=confidence)


def _look_for(detections: Detections, rows: Rows, tolerance: Tolerance) -> Iterator[Nearest]:
    """Yield the nearest row to each detection, but for those that may just be cut off."""
    boxes, scores = (np.nan_to_num(part, nan=NOWHERE, posinf=NOWHERE) for part in rows)
    least = scores.max(axis=1).min() if len(scores) else 0.0
    for box, score, class_id in zip(
        detections.boxes_xyxy, detections.scores, detections.class_ids, strict=True
    ):
        nearest = _nearest(box, score, boxes, scores[:, class_id], tolerance)
        if nearest.distance <= 1 or score > least + tolerance.score:
            yield nearest


def _nearest(
    box: Float32Array,
    score: float,
    boxes_xyxy: Float32Array,
    scores: Float32Array,
    tolerance: Tolerance,
) -> Nearest:
    if not len(scores):
        return Nearest(FAR, FAR * tolerance.pixels, FAR * tolerance.score)
    pixels = np.abs(boxes_xyxy - box).max(axis=1)
    difference = np.abs(scores - score)
    distances = np.maximum(pixels / tolerance.pixels, difference / tolerance.score)
    i = int(distances.argmin())
    return Nearest(min(float(distances[i]), FAR), float(pixels[i]), float(difference[i]))
