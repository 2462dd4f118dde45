"""OC-SORT: observations count for more than the filter's estimates."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.hit_streak import HitStreakTracker
from trackers.base.kalman import KalmanState
from trackers.base.matching import Matching
from trackers.base.observations import ObservedTable, direction_agreement, replayed
from trackers.base.ranges import check_not_negative, check_positive


class OcSort(HitStreakTracker[ObservedTable]):
    """SORT, centred on observations (Cao et al. 2023, CVPR), with real elapsed time.

    - Momentum: a detection that continues the direction of a track is preferred.
    - Recovery: tracks and detections that are left are matched by the last observation.
    - Re-update: when a lost track is found again, its filter returns to the last observation and
      is updated along a straight line from there to the new detection.

    Output boxes are those of the detections.

    momentum: weight of the direction beside the overlap, 0 or more
    heading_seconds: minimum time over which a direction is measured, above 0
    For the other options see HitStreakTracker.
    """

    def __init__(
        self,
        *,
        min_score: float = 0.6,
        min_iou: float = 0.3,
        momentum: float = 0.2,
        heading_seconds: float = 0.1,
        min_hits: int = 3,
        buffer_seconds: float = 1.0,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        check_not_negative(momentum=momentum)
        check_positive(heading_seconds=heading_seconds)
        super().__init__(
            ObservedTable,
            min_score=min_score,
            min_iou=min_iou,
            min_hits=min_hits,
            buffer_seconds=buffer_seconds,
            class_aware=class_aware,
            emit_lost=emit_lost,
        )
        self._momentum = momentum
        self._heading_seconds = heading_seconds

    def _associate(self, tracks: ObservedTable, found: Detections, seconds: float) -> Int64Array:
        matching = Matching(len(tracks), len(found))
        pairs = self._pairs(self._boxes(tracks), found.boxes_xyxy, tracks, found)
        agreement = direction_agreement(tracks, found, pairs) * found.scores[pairs.columns]
        self._match(matching, pairs, pairs.iou + self._momentum * agreement, found)
        pairs = self._pairs(tracks.observed, found.boxes_xyxy, tracks, found)
        self._match(matching, pairs, pairs.iou, found)
        return matching.partners

    def _updated(
        self, tracks: ObservedTable, rows: Int64Array, found: Detections, seconds: float
    ) -> ObservedTable:
        motion = self._motion
        found_again = ~tracks.seen[rows]
        state = tracks.kalman
        if found_again.any():
            planes = state.planes.copy()
            updated = replayed(tracks, rows[found_again], found[found_again], seconds, motion)
            planes[:, :, rows[found_again]] = updated.planes
            state = KalmanState(planes)
        state = motion.correct(state, rows, found.boxes_xyxy)
        return tracks.matched(state, rows, found, seconds, self._heading_seconds)

    def _output_boxes(self, tracks: ObservedTable, boxes: Float32Array) -> Float32Array:
        """Return (n, 4) detected boxes, and predicted ones for lost tracks."""
        return np.where(tracks.seen[:, None], tracks.observed, boxes)
