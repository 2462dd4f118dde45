"""Tracks that are known already, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pipeline.frames.result import Detected, Tracked
from pipeline.runtime.stage import Stage
from trackers.motchallenge.text import MotResult
from trackers.tracks import Tracks, TrackState


class Replay(Stage[Detected, Tracked]):
    """Takes the place of a tracker: gives each frame the tracks that were found for it.

    result: of the whole stream; frames are numbered from 0, in the source
    """

    def __init__(self) -> None:
        self.result = MotResult.of([])

    def process(self, item: Detected) -> Iterable[Tracked]:
        """Return the frame with its tracks; detections are ignored."""
        at = self.result.rows.slice_of(item.frame.index)
        rows, picture = self.result.rows[at], item.frame.picture
        limits = (picture.width, picture.height) * 2
        tracks = Tracks(
            rows.boxes_xyxy.clip(0, limits).astype(np.float32),
            rows.scores.astype(np.float32),
            rows.class_ids,
            rows.ids,
            np.full(len(rows), TrackState.CONFIRMED, np.int8),
        )
        return (Tracked(item.frame, tracks, origins=self.result.origins[at]),)
