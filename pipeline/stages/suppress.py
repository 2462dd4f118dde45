"""Candidates to detections: the best box per object, in the pixels of its source picture."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial

import numpy as np

from detector.detections import Detections
from detector.letterbox import Letterbox
from detector.nms import suppress
from pipeline.frame import Detected, Inferred
from pipeline.runtime.stage import Stage


class Suppress(Stage[Inferred, Detected]):
    """Takes batches apart; the options are those of `detector.nms.suppress`.

    keep_small: whether whoever comes next looks at what the network saw, which is memory
    """

    def __init__(
        self,
        *,
        confidence: float,
        iou: float,
        classes: Collection[int] | None,
        agnostic: bool,
        max_detections: int,
        keep_small: bool = False,
    ) -> None:
        self._keep_small = keep_small
        self._suppress = partial(
            suppress,
            confidence=confidence,
            iou=iou,
            classes=classes,
            agnostic=agnostic,
            max_detections=max_detections,
        )

    def process(self, item: Inferred) -> Iterable[Detected]:
        """Yield each frame of the batch with its objects, in order."""
        batch, candidates = item.batch, item.candidates
        for row, (frame, letterbox) in enumerate(zip(batch.frames, batch.letterboxes, strict=True)):
            found = self._suppress(candidates.boxes_xyxy[row], candidates.scores[row])
            small = letterbox.inside(batch.images[row]) if self._keep_small else None
            yield Detected(frame, _in_source(found, letterbox), small)


def _in_source(found: Detections, letterbox: Letterbox) -> Detections:
    """Return what lies in the picture; of a box that lies in the padding nothing is left."""
    boxes_xyxy = letterbox.to_source(found.boxes_xyxy)
    emptied = (boxes_xyxy[:, :2] >= boxes_xyxy[:, 2:]).any(axis=1)
    return Detections(boxes_xyxy, found.scores, found.class_ids)[np.flatnonzero(~emptied)]
