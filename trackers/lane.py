"""Lane: our own tracker, made of what the measurements favoured."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections, Float32Array
from trackers.base.assignment import FloatArray, Pairs
from trackers.base.box_motion import WidthHeight
from trackers.base.ranges import check_not_negative
from trackers.base.score_cascade import ScoreCascadeTracker
from trackers.base.track_table import TrackTable

STEADINESS = 2.0  # half the process noise of BoT-SORT
MAX_REACH = 0.5  # of the box's size, however much time has passed


class Lane(ScoreCascadeTracker[TrackTable]):
    """Tracks by overlap of areas and of heights, with real elapsed time.

    It differs from ByteTrack in these points (docs/tracking.md measures them):

    - The filter's state is centre, width and height (BoT-SORT, Aharon et al. 2022), with less
      process noise.
    - The overlap of two boxes also depends on their heights (Hybrid-SORT, Yang et al. 2024,
      AAAI): a person in front and one behind differ in height.
    - Low-confidence detections find lost tracks, too.
    - Boxes are expanded before matching, in proportion to the time between two frames (C-BIoU,
      Yang et al. 2023, WACV, expands them by a constant).

    height_weight: exponent of the overlap of heights, which multiplies that of areas, 0 or more
    reach: expansion of a box to each side, as a fraction of its size per second since the previous
        frame, 0 or more; at most half of its size
    For the other options see ScoreCascadeTracker.
    """

    def __init__(
        self,
        *,
        high_score: float = 0.6,
        low_score: float = 0.1,
        new_score: float = 0.6,
        match_cost: float = 0.9,
        low_score_match_cost: float = 0.6,
        tentative_match_cost: float = 0.8,
        height_weight: float = 0.5,
        reach: float = 1.0,
        buffer_seconds: float = 1.5,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        check_not_negative(height_weight=height_weight, reach=reach)
        super().__init__(
            WidthHeight(STEADINESS),
            TrackTable,
            high_score=high_score,
            low_score=low_score,
            new_score=new_score,
            match_cost=match_cost,
            low_score_match_cost=low_score_match_cost,
            tentative_match_cost=tentative_match_cost,
            buffer_seconds=buffer_seconds,
            class_aware=class_aware,
            emit_lost=emit_lost,
        )
        self._height_weight = height_weight
        self._reach = reach

    def _overlaps(
        self, tracks: TrackTable, found: Detections, seconds: float
    ) -> tuple[Pairs, FloatArray]:
        elapsed = seconds - self._seconds if self._frame_count else 0.0
        reach = min(self._reach * elapsed, MAX_REACH)
        boxes = _expanded(self._boxes(tracks), reach)
        others = _expanded(found.boxes_xyxy, reach)
        pairs = self._pairs(boxes, others, tracks, found)
        return pairs, pairs.iou * _height_overlap(boxes, others, pairs) ** self._height_weight


def _expanded(boxes_xyxy: Float32Array, reach: float) -> Float32Array:
    """Return the boxes, larger by `reach` of their size on each side."""
    sizes = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) * np.float32(reach)
    return np.hstack((boxes_xyxy[:, :2] - sizes, boxes_xyxy[:, 2:] + sizes))


def _height_overlap(boxes: Float32Array, others: Float32Array, pairs: Pairs) -> FloatArray:
    """Return (k,) intersection over union of the heights of each pair."""
    top, bottom = boxes[pairs.rows, 1], boxes[pairs.rows, 3]
    other_top, other_bottom = others[pairs.columns, 1], others[pairs.columns, 3]
    shared = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    return np.asarray(shared / (np.maximum(bottom, other_bottom) - np.minimum(top, other_top)))
