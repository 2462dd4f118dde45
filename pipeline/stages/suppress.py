"""Candidates to detections: non-maximum suppression, and boxes in source pixels."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial

import numpy as np

from detector.detections import Detections
from detector.letterbox import Letterbox
from detector.nms import suppress
from pipeline.frames.batch import Inferred
from pipeline.frames.result import Detected
from pipeline.runtime.stage import Stage


class Suppress(Stage[Inferred, Detected]):
    """Splits batches into frames; the options are those of `detector.nms.suppress`.

    keep_small: also pass on the resized frame, without its padding, on which the motion of the
        camera is estimated; this takes memory
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
        """Yield each frame of the batch with its detections, in order."""
        batch, candidates = item.batch, item.candidates
        images = batch.images if self._keep_small else None
        for row, (frame, letterbox) in enumerate(zip(batch.frames, batch.letterboxes, strict=True)):
            detections = self._suppress(candidates.boxes_xyxy[row], candidates.scores[row])
            small = None if images is None else letterbox.inside(images[row])
            yield Detected(frame, _in_source(detections, letterbox), small)


def _in_source(detections: Detections, letterbox: Letterbox) -> Detections:
    """Return detections in source pixels, clipped to the frame, without those in the padding."""
    if not len(detections):
        return detections
    boxes_xyxy = letterbox.to_source(detections.boxes_xyxy)
    empty = (boxes_xyxy[:, :2] >= boxes_xyxy[:, 2:]).any(axis=1)
    in_source = Detections(boxes_xyxy, detections.scores, detections.class_ids)
    return in_source[np.flatnonzero(~empty)]
