"""What callers may hand to a tracker: Detections, an array, or what other libraries have."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from detector.detections import Detections
from detector.errors import UsageError


@runtime_checkable
class HasBoxes(Protocol):
    """Boxes as `supervision.Detections` has them, and whoever names them alike.

    xyxy: (n, 4), left, top, right, bottom in pixels
    confidence: (n,), or None: all are sure
    class_id: (n,), or None: all are of class 0
    """

    xyxy: Any
    confidence: Any
    class_id: Any


DetectionsLike = Detections | HasBoxes | ArrayLike


def as_detections(given: DetectionsLike) -> Detections:
    """Return what was given as Detections.

    An array is (n, 5) or (n, 6): left, top, right, bottom, score, and a class if there are several.
    Raises UsageError for anything else.
    """
    if isinstance(given, Detections):
        return given
    if isinstance(given, HasBoxes):
        return _from_columns(given)
    try:
        rows = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"detections of type {type(given).__name__}: {_ACCEPTED}") from error
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


def _from_columns(given: HasBoxes) -> Detections:
    boxes = np.asarray(given.xyxy, np.float32).reshape(-1, 4)
    scores = np.ones(len(boxes)) if given.confidence is None else given.confidence
    class_ids = np.zeros(len(boxes)) if given.class_id is None else given.class_id
    columns = np.asarray(scores, np.float32), np.asarray(class_ids).astype(np.int64)
    if any(column.shape != (len(boxes),) for column in columns):
        raise UsageError(
            f"{len(boxes)} boxes, confidence of shape {columns[0].shape}, class_id of shape "
            f"{columns[1].shape}: one of each for every box is expected"
        )
    return Detections(boxes, *columns)
