"""How far two engines agree on the same images, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.candidates import Candidates
from detector.detections import Detections, Float32Array
from detector.nms import suppress
from detector.tolerance import Tolerance

CONFIDENCE = 0.25  # the default threshold of a run without a tracker
MIN_DETECTIONS = 5  # per image, on average; with fewer, the confidence threshold is lowered


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the detections of an engine are from its reference's, over several images.

    detections: number of detections compared: those of both engines, each with all rows of the
        other
    share: share of them, 0..1, that have a row within the tolerance
    distance: mean distance to the nearest row, in units of the tolerance, each at most 10
    pixels, score: largest differences to the nearest row
    confidence: threshold above which detections were compared
    """

    detections: int
    share: float
    distance: float
    pixels: float
    score: float
    confidence: float


class Rows(NamedTuple):
    """The candidates of one image: (k, 4) and (k, c)."""

    boxes_xyxy: Float32Array
    scores: Float32Array


class Nearest(NamedTuple):
    """The row nearest to a detection; distance: in units of the tolerance."""

    distance: float
    pixels: float
    score: float


FAR = 10.0  # largest distance, also used if there is no row at all
NOWHERE = 1e6  # in place of NaN and infinity: a coordinate and a score far from any other


def compare(
    reference: Sequence[Candidates], found: Sequence[Candidates], tolerance: Tolerance
) -> Agreement:
    """Return how far `found` agrees with `reference`, both batches of the same images.

    Of overlapping boxes with nearly equal scores, suppression may keep a different one in each
    engine. So each detection of one engine is compared with all rows of the other, in both
    directions. A missing detection is not counted if its score is within the tolerance of the
    lowest score that the other engine returned: it may just have missed the top k.
    """
    pairs = list(zip(_images(reference), _images(found), strict=True))
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


def _images(batches: Sequence[Candidates]) -> Iterator[Rows]:
    for batch in batches:
        yield from map(Rows, batch.boxes_xyxy, batch.scores)


def _confidence(images: Sequence[Rows]) -> float:
    """Return the default threshold, or a lower one that leaves enough detections to compare."""
    scores = np.concatenate([_detections(rows, 0.0).scores for rows in images])
    wanted = MIN_DETECTIONS * len(images)
    if len(scores) <= wanted:
        return 0.0
    return min(CONFIDENCE, float(np.sort(scores)[-wanted - 1]))


def _detections(rows: Rows, confidence: float) -> Detections:
    return suppress(rows.boxes_xyxy, rows.scores, confidence=confidence)


def _look_for(detections: Detections, rows: Rows, tolerance: Tolerance) -> Iterator[Nearest]:
    """Yield the nearest row to each detection, except those that may just have missed the top k."""
    boxes, scores = (np.nan_to_num(part, nan=NOWHERE, posinf=NOWHERE) for part in rows)
    lowest = scores.max(axis=1).min() if len(scores) else 0.0
    for box, score, class_id in zip(
        detections.boxes_xyxy, detections.scores, detections.class_ids, strict=True
    ):
        nearest = _nearest(box, score, boxes, scores[:, class_id], tolerance)
        if nearest.distance <= 1 or score > lowest + tolerance.score:
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
