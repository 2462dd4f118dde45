"""How much a person would correct in a frame, guessed from its labels alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.detections import iou
from detector.labels.labelled import Boxes, LabelledClip, Mark

Float64Array = NDArray[np.float64]

SAME = 0.5  # overlap at which boxes of neighbouring frames are one object
MOST_DOUBTFUL = 3  # boxes of a frame that count


def interest(clip: LabelledClip) -> Float64Array:
    """Return (m,) from 0 to 1 for each labelled frame: the mean rank of three signs.

    Boxes whose scores are neither high nor low; boxes that the frame before or after does not
    have; and boxes that were interpolated or linked.
    """
    bounds = zip(
        np.searchsorted(clip.boxes.frames, clip.frames).tolist(),
        np.searchsorted(clip.boxes.frames, clip.frames, side="right").tolist(),
        strict=True,
    )
    rows = [clip.boxes[np.arange(first, end)] for first, end in bounds]
    signs = (
        [_doubt(boxes) for boxes in rows],
        _changes(rows),
        [float(np.isin(boxes.marks, (Mark.INTERPOLATED, Mark.LINKED)).sum()) for boxes in rows],
    )
    return np.asarray(np.mean([_ranks(np.array(sign)) for sign in signs], axis=0))


def _doubt(boxes: Boxes) -> float:
    """Return the mean doubt about the three boxes that are the least sure."""
    scores = boxes.scores[~np.isnan(boxes.scores)]
    doubts = np.sort(1 - abs(2 * scores - 1))[-MOST_DOUBTFUL:]
    return float(doubts.mean()) if len(doubts) else 0.0


def _changes(rows: list[Boxes]) -> list[float]:
    """Return how many boxes appear and vanish around each frame."""
    between = [_unmatched(before, after) for before, after in pairwise(rows)]
    return [float(sum(between[max(0, k - 1) : k + 1])) for k in range(len(rows))]


def _unmatched(before: Boxes, after: Boxes) -> int:
    """Return how many boxes of two frames have no partner in the other one."""
    if not (len(before) and len(after)):
        return len(before) + len(after)
    alike = before.class_ids[:, None] == after.class_ids
    alike &= iou(before.boxes_xyxy.astype(np.float32), after.boxes_xyxy.astype(np.float32)) >= SAME
    return int((~alike.any(axis=1)).sum() + (~alike.any(axis=0)).sum())


def _ranks(values: Float64Array) -> Float64Array:
    """Return (n,) ranks from 0 to 1; equal values share the lowest, so that 0 stays 0."""
    ordered = np.sort(values)
    ranks: Float64Array = np.searchsorted(ordered, values) / max(1, len(values) - 1)
    return ranks
