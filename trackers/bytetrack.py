"""ByteTrack: high-confidence detections match first, low-confidence ones keep tracks alive."""

from __future__ import annotations

import numpy as np

from detector.detections import Float32Array
from trackers.base.assignment import overlapping
from trackers.base.box_motion import AspectHeight
from trackers.base.score_cascade import ScoreCascadeTracker
from trackers.base.track_table import BoolArray, TrackTable

DUPLICATE_IOU = 0.85  # above it, a lost track and a seen one are the same object


class ByteTrack(ScoreCascadeTracker[TrackTable]):
    """Tracks by overlap alone (Zhang et al. 2022, ECCV, section 3), with real elapsed time.

    Low-confidence detections keep tracks alive that were seen in the previous frame; they do not
    find lost tracks. Identities are assigned at confirmation, so they are consecutive and their
    number is the number of confirmed objects. For the options see ScoreCascadeTracker.
    """

    def __init__(
        self,
        *,
        high_score: float = 0.6,
        low_score: float = 0.1,
        new_score: float = 0.7,
        match_cost: float = 0.9,
        low_score_match_cost: float = 0.5,
        tentative_match_cost: float = 0.7,
        buffer_seconds: float = 1.0,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        super().__init__(
            AspectHeight(),
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

    def _low_score_candidates(self, tracks: TrackTable, seconds: float) -> BoolArray:
        return tracks.confirmed & tracks.seen

    def _duplicates(self, tracks: TrackTable, boxes: Float32Array) -> BoolArray | None:
        """Return (n,) duplicates: the younger of a seen and a lost track in the same place."""
        seen, lost = tracks.seen.nonzero()[0], (~tracks.seen).nonzero()[0]
        if not len(seen) or not len(lost):
            return None
        pairs = overlapping(boxes[seen], boxes[lost])
        same = (pairs.iou > DUPLICATE_IOU).nonzero()[0]
        if not len(same):
            return None
        seen, lost = seen[pairs.rows[same]], lost[pairs.columns[same]]
        if self._class_aware:
            same_class = tracks.class_ids[seen] == tracks.class_ids[lost]
            seen, lost = seen[same_class], lost[same_class]
        age = tracks.seen_at - tracks.born_at
        duplicates = np.zeros(len(tracks), bool)
        duplicates[np.where(age[seen] > age[lost], lost, seen)] = True
        return duplicates
