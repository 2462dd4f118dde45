"""Accepted forms of detections: Detections, an array, or an object of another library."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from detector.detections import Detections
from detector.errors import UsageError


@runtime_checkable
class HasBoxes(Protocol):
    """An object with the attributes of `supervision.Detections`.

    xyxy: (n, 4), left, top, right, bottom in pixels
    confidence: (n,), or None: all scores are 1
    class_id: (n,), or None: all classes are 0
    """

    xyxy: Any
    confidence: Any
    class_id: Any


DetectionsLike = Detections | HasBoxes | ArrayLike


def as_detections(detections: DetectionsLike) -> Detections:
    """Return `detections` in any accepted form as Detections.

    An array is (n, 5) or (n, 6): left, top, right, bottom, score, and optionally the class.
    Raises UsageError for anything else.
    """
    if isinstance(detections, Detections):
        return detections
    if isinstance(detections, HasBoxes):
        return _from_columns(detections)
    try:
        rows = np.asarray(detections, np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"detections of type {type(detections).__name__}: {_ACCEPTED}") from error
    if rows.size == 0:
        return Detections.empty()
    if rows.ndim != 2 or rows.shape[1] not in (5, 6):
        raise UsageError(f"detections of shape {rows.shape}: {_ACCEPTED}")
    class_ids = rows[:, 5] if rows.shape[1] == 6 else np.zeros(len(rows))
    return Detections(
        rows[:, :4].astype(np.float32), rows[:, 4].astype(np.float32), class_ids.astype(np.int64)
    )


_ACCEPTED = (
    "an (n, 5) or (n, 6) array (left, top, right, bottom, score, class) is accepted, or an object "
    "with xyxy, confidence and class_id"
)


def _from_columns(columns: HasBoxes) -> Detections:
    boxes = np.asarray(columns.xyxy, np.float32).reshape(-1, 4)
    scores = np.ones(len(boxes)) if columns.confidence is None else columns.confidence
    class_ids = np.zeros(len(boxes)) if columns.class_id is None else columns.class_id
    labels = np.asarray(scores, np.float32), np.asarray(class_ids).astype(np.int64)
    if any(label.shape != (len(boxes),) for label in labels):
        raise UsageError(
            f"{len(boxes)} boxes, confidence of shape {labels[0].shape}, class_id of shape "
            f"{labels[1].shape}: one value of each per box is expected"
        )
    return Detections(boxes, *labels)
