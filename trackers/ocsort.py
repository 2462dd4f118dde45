"""OC-SORT: what was observed counts for more than what a filter made of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Float32Array, Int64Array
from detector.errors import UsageError
from trackers.base.assignment import Pairs, assign, overlapping
from trackers.base.box_motion import AreaAspect
from trackers.base.kalman import KalmanState
from trackers.base.observations import ObservedTable, consistency, replayed
from trackers.base.table_tracker import TableTracker
from trackers.base.track_table import BoolArray
from trackers.tracks import TrackState


class OcSort(TableTracker[ObservedTable]):
    """SORT, centred on observations (Cao et al. 2023, CVPR), with real elapsed time.

    - Momentum: who would go on in the direction of a track is preferred.
    - Recovery: tracks and detections that are left are matched by the last observation.
    - Re-update: the filter of a track that is found again is taken back to where it was lost, and
      led to where it was found on a straight line.

    Boxes are those of the detections. A track is confirmed, and again after it was lost, once it
    was seen in `min_hits` pictures in a row after its first (those of the first pictures at once).

    least_score: below it, 0..1, a detection is not looked at
    least_iou: from this overlap on, above 0, at most 1, a detection may be a track
    momentum: 0 or more, how much direction counts beside overlap
    heading_seconds: above 0, the time over which a direction is taken, at least
    min_hits: pictures in a row
    buffer_seconds: a track that was not seen for longer is forgotten, but for what the last picture
        showed, which is always looked for in the next
    class_aware: whether a track keeps to the class of its first detection; otherwise it takes the
        class of its last one
    emit_lost: whether tracks that are not in the picture are given out, too, where they should be
    """

    def __init__(
        self,
        *,
        least_score: float = 0.6,
        least_iou: float = 0.3,
        momentum: float = 0.2,
        heading_seconds: float = 0.1,
        min_hits: int = 3,
        buffer_seconds: float = 1.0,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        if not 0 <= least_score <= 1:
            raise UsageError(f"least_score {least_score}: from 0 to 1")
        if not 0 < least_iou <= 1:
            raise UsageError(f"least_iou {least_iou}: above 0, at most 1")
        if not momentum >= 0:
            raise UsageError(f"momentum {momentum}: not below 0")
        if not heading_seconds > 0:
            raise UsageError(f"heading_seconds {heading_seconds}: above 0")
        super().__init__(
            AreaAspect(),
            ObservedTable,
            min_hits=min_hits,
            buffer_seconds=buffer_seconds,
            class_aware=class_aware,
            emit_lost=emit_lost,
        )
        self._least_score = least_score
        self._least_iou = least_iou
        self._momentum = momentum
        self._heading_seconds = heading_seconds

    def _associate(self, tracks: ObservedTable, found: Detections, seconds: float) -> Int64Array:
        partners = np.full(len(tracks), -1)
        free = found.scores >= self._least_score
        pairs = self._pairs(self._boxes(tracks), tracks, found)
        ahead = consistency(tracks, found, pairs) * found.scores[pairs.columns]
        gain = pairs.iou + self._momentum * ahead
        self._match(pairs, gain, partners, free)
        pairs = self._pairs(tracks.observed, tracks, found)
        self._match(pairs, pairs.iou, partners, free)
        return partners

    def _pairs(self, boxes: Float32Array, tracks: ObservedTable, found: Detections) -> Pairs:
        return self._alike(overlapping(boxes, found.boxes_xyxy), tracks, found)

    def _match(
        self, pairs: Pairs, gain: NDArray[np.floating], partners: Int64Array, free: BoolArray
    ) -> None:
        """Match those that are left so that they gain most, but not if they overlap too little."""
        left = ((partners[pairs.rows] < 0) & free[pairs.columns]).nonzero()[0]
        pairs = pairs[left[assign(pairs[left], -gain[left], 0.0)]]
        pairs = pairs[pairs.iou >= self._least_iou]
        partners[pairs.rows] = pairs.columns
        free[pairs.columns] = False

    def _updated(
        self, tracks: ObservedTable, rows: Int64Array, found: Detections, seconds: float
    ) -> ObservedTable:
        motion = self._motion
        again = ~tracks.seen[rows]
        state = tracks.motion
        if again.any():
            planes = state.planes.copy()
            led = replayed(tracks, rows[again], found[again], seconds, motion)
            planes[:, :, rows[again]] = led.planes
            state = KalmanState(planes)
        state = motion.correct(state, rows, found.boxes_xyxy)
        return tracks.sighted(state, rows, found, seconds, self._heading_seconds)

    def _may_begin(self, found: Detections) -> BoolArray:
        return found.scores >= self._least_score

    def _stay(self, tracks: ObservedTable) -> BoolArray:
        return np.ones(len(tracks), bool)

    def _states(self, tracks: ObservedTable) -> NDArray[np.int8]:
        states = super()._states(tracks)
        proven = (tracks.hits >= self._min_hits) | (self._pictures <= self._min_hits)
        states[tracks.seen & ~proven] = TrackState.TENTATIVE
        return states

    def _shown(self, tracks: ObservedTable, boxes: Float32Array) -> Float32Array:
        """Return (n, 4) boxes as they were seen, or where they should be."""
        return np.where(tracks.seen[:, None], tracks.observed, boxes)
