"""By how much the scores of an INT8 model are too low.

Rounding makes an image a little less like those of the training, so objects score lower. A box
hardly loses, but a track begins late, because that takes a high score. The loss is about the same
for all classes and scores if it is counted in logarithms of odds, p / (1 - p). So one factor on the
odds takes it back, and the order of all scores stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from detector.candidates import Candidates
from detector.detections import Detections, iou
from detector.nms import suppress

MIN_SCORE = 0.1  # of a detection: trackers ignore lower ones
MIN_IOU = 0.5  # of two boxes that are of the same object
LARGEST = 1 - 1e-6  # score whose odds are still finite in float32


def fitted_odds(
    expected: Iterable[Candidates], found: Iterable[Candidates], nms_iou: float
) -> float:
    """Return the factor that lifts the odds of `found` to those of `expected`, in the mean.

    expected, found: of the float model and of the INT8 model, for the same images one by one
    nms_iou: overlap above which two boxes of one class are one object
    If no object is found by both, the factor is 1.
    """
    gains = [gain for both in zip(expected, found, strict=True) for gain in _gains(*both, nms_iou)]
    return float(np.exp(np.mean(gains))) if gains else 1.0


def _gains(expected: Candidates, found: Candidates, nms_iou: float) -> Iterator[float]:
    """Yield the logarithm of the factor for each object that is found by both, and only once."""
    floats, rounded = (
        suppress(one.boxes_xyxy[0], one.scores[0], confidence=MIN_SCORE, iou=nms_iou)
        for one in (expected, found)
    )
    if not (len(floats) and len(rounded)):
        return
    overlaps = iou(floats.boxes_xyxy, rounded.boxes_xyxy)
    overlaps[floats.class_ids[:, None] != rounded.class_ids] = 0
    nearest = overlaps.argmax(axis=1)
    mutual = overlaps.argmax(axis=0)[nearest] == np.arange(len(floats))
    pairs = np.flatnonzero(mutual & (overlaps.max(axis=1) >= MIN_IOU))
    yield from _logits(floats)[pairs] - _logits(rounded)[nearest[pairs]]


def _logits(detections: Detections) -> NDArray[np.float64]:
    scores = detections.scores.astype(np.float64).clip(max=LARGEST)
    logits: NDArray[np.float64] = np.log(scores / (1 - scores))
    return logits
