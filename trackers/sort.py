"""SORT: a Kalman filter, an assignment by overlap, and nothing else."""

from __future__ import annotations

from detector.detections import Detections, Int64Array
from trackers.base.hit_streak import HitStreakTracker
from trackers.base.matching import Matching
from trackers.base.track_table import TrackTable


class Sort(HitStreakTracker[TrackTable]):
    """Tracks by overlap with a prediction (Bewley et al. 2016, ICIP), with real elapsed time.

    All tracks and detections are matched in one step that maximises the total overlap. Every
    unmatched detection starts a track. For the options see HitStreakTracker.
    """

    def __init__(
        self,
        *,
        min_score: float = 0.5,
        min_iou: float = 0.3,
        min_hits: int = 3,
        buffer_seconds: float = 0.2,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        super().__init__(
            TrackTable,
            min_score=min_score,
            min_iou=min_iou,
            min_hits=min_hits,
            buffer_seconds=buffer_seconds,
            class_aware=class_aware,
            emit_lost=emit_lost,
        )

    def _associate(self, tracks: TrackTable, found: Detections, seconds: float) -> Int64Array:
        pairs = self._pairs(self._boxes(tracks), found.boxes_xyxy, tracks, found)
        matching = Matching(len(tracks), len(found))
        self._match(matching, pairs, pairs.iou, found)
        return matching.partners
