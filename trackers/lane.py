"""Lane: our own tracker, made of what the measurements favoured."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from detector.errors import UsageError
from trackers.base.assignment import FloatArray, Pairs, overlapping
from trackers.base.box_motion import WidthHeight
from trackers.base.table_tracker import Matching, TableTracker, check_costs, check_scores
from trackers.base.track_table import BoolArray, TrackTable

STEADINESS = 2.0  # of boxes: half the noise that BoT-SORT adds
FARTHEST = 0.5  # of its size a box reaches out at most, however much time has passed


class Lane(TableTracker[TrackTable]):
    """Tracks by overlap of areas and of heights, with real elapsed time.

    The steps are ByteTrack's (Zhang et al. 2022, ECCV): sure detections find confirmed tracks, weak
    ones those that are left, sure ones that are left tentative tracks; a sure enough one that is
    still left begins a tentative track, which is confirmed if the next picture shows it again.
    What differs (docs/tracking.md measures it):

    - A box is centre, width and height (BoT-SORT, Aharon et al. 2022), and moves more steadily.
    - How well boxes overlap is also a matter of their heights (Hybrid-SORT, Yang et al. 2024,
      AAAI): of two people one behind the other, each is as tall as before.
    - Weak detections find lost tracks, too.
    - Boxes reach out for each other, the further the more time has passed between two pictures
      (C-BIoU, Yang et al. 2023, WACV, buffers them by a constant).

    high_score: from here on, 0..1, a detection is sure
    low_score: from here to `high_score` a detection is weak; below, it is not looked at
    new_score: from here on a sure detection may begin a track
    match_cost: below it, 0..1, a sure detection may be a confirmed track (1 - overlap x score)
    weak_match_cost: the same for weak detections (1 - overlap)
    tentative_match_cost: the same for sure detections and tentative tracks (1 - overlap x score)
    height_weight: 0 or more, the power of the heights' overlap by which that of areas is multiplied
    reach: by how much of its size, per second since the picture before, a box reaches out to each
        side when it is matched, 0 or more; by half of its size at most
    buffer_seconds: a track that was not seen for longer is forgotten, but for what the last picture
        showed, which is always looked for in the next
    class_aware: whether a track keeps to the class of its first detection; otherwise it takes the
        class of its last one
    emit_lost: whether tracks that are not in the picture are given out, too, where they should be
    """

    def __init__(
        self,
        *,
        high_score: float = 0.6,
        low_score: float = 0.1,
        new_score: float = 0.6,
        match_cost: float = 0.9,
        weak_match_cost: float = 0.6,
        tentative_match_cost: float = 0.8,
        height_weight: float = 0.5,
        reach: float = 1.0,
        buffer_seconds: float = 1.5,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        check_scores(low_score=low_score, high_score=high_score, new_score=new_score)
        check_costs(
            match_cost=match_cost,
            weak_match_cost=weak_match_cost,
            tentative_match_cost=tentative_match_cost,
        )
        for name, value in (("height_weight", height_weight), ("reach", reach)):
            if not value >= 0:
                raise UsageError(f"{name} {value}: not below 0")
        super().__init__(
            WidthHeight(STEADINESS),
            TrackTable,
            min_hits=1,
            buffer_seconds=buffer_seconds,
            class_aware=class_aware,
            emit_lost=emit_lost,
        )
        self._high_score = high_score
        self._low_score = low_score
        self._new_score = new_score
        self._match_cost = match_cost
        self._weak_match_cost = weak_match_cost
        self._tentative_match_cost = tentative_match_cost
        self._height_weight = height_weight
        self._reach = reach

    def _associate(self, tracks: TrackTable, found: Detections, seconds: float) -> Int64Array:
        elapsed = seconds - self._seconds if self._pictures else 0.0
        reach = min(self._reach * elapsed, FARTHEST)
        boxes = _reaching(self._boxes(tracks), reach)
        others = _reaching(found.boxes_xyxy, reach)
        pairs = self._alike(overlapping(boxes, others), tracks, found)
        overlap = pairs.iou * _heights(boxes, others, pairs) ** self._height_weight
        cost = 1 - overlap
        fused_cost = 1 - overlap * found.scores[pairs.columns]
        sure = found.scores >= self._high_score
        weak = (found.scores >= self._low_score) & ~sure
        believed = tracks.confirmed
        matching = Matching(len(tracks), len(found))
        matching.step(pairs, fused_cost, self._match_cost, believed, sure)
        matching.step(pairs, cost, self._weak_match_cost, believed, weak)
        matching.step(pairs, fused_cost, self._tentative_match_cost, ~believed, sure)
        return matching.partners

    def _may_begin(self, found: Detections) -> BoolArray:
        return found.scores >= self._new_score


def _reaching(boxes_xyxy: Float32Array, reach: float) -> Float32Array:
    """Return the boxes, larger by `reach` of their size on each side."""
    sizes = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) * np.float32(reach)
    return np.hstack((boxes_xyxy[:, :2] - sizes, boxes_xyxy[:, 2:] + sizes))


def _heights(boxes: Float32Array, others: Float32Array, pairs: Pairs) -> FloatArray:
    """Return (k,) intersection over union of the heights of each pair."""
    top, bottom = boxes[pairs.rows, 1], boxes[pairs.rows, 3]
    other_top, other_bottom = others[pairs.columns, 1], others[pairs.columns, 3]
    shared = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    return np.asarray(shared / (np.maximum(bottom, other_bottom) - np.minimum(top, other_top)))
