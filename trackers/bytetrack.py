"""ByteTrack: sure detections find their tracks first, weak ones keep what is left alive."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.assignment import overlapping
from trackers.base.box_motion import AspectHeight
from trackers.base.table_tracker import Matching, TableTracker, check_costs, check_scores
from trackers.base.track_table import BoolArray, TrackTable

DUPLICATE_IOU = 0.85  # above it, a lost track and a seen one are the same object


class ByteTrack(TableTracker[TrackTable]):
    """Tracks by overlap alone (Zhang et al. 2022, ECCV, section 3), with real elapsed time.

    Sure detections are matched to confirmed tracks, lost ones included, by overlap x score; weak
    detections to the confirmed tracks that are left and were seen in the picture before, by
    overlap; the sure detections that are left to tentative tracks, by overlap x score. A sure
    enough detection that is still left begins a tentative track, which is confirmed if the next
    picture shows it again, and forgotten if not. Tracks of the first picture are confirmed at once.

    A track gets its identity when it is confirmed, and until then has -1: so identities are
    consecutive, and their number is the number of objects that were believed.

    high_score: from here on, 0..1, a detection is sure
    low_score: from here to `high_score` a detection is weak; below, it is not looked at
    new_score: from here on a sure detection may begin a track
    match_cost: below it, 0..1, a sure detection may be a confirmed track (1 - overlap x score)
    weak_match_cost: the same for weak detections (1 - overlap)
    tentative_match_cost: the same for sure detections and tentative tracks (1 - overlap x score)
    buffer_seconds: a track that was not seen for longer is forgotten; but what the last picture
        showed is always looked for in the next, however late that comes (time-lapse, a reconnect)
    class_aware: whether a track keeps to the class of its first detection; otherwise it takes the
        class of its last one
    emit_lost: whether tracks that are not in the picture are given out, too, where they should be
    """

    def __init__(
        self,
        *,
        high_score: float = 0.6,
        low_score: float = 0.1,
        new_score: float = 0.7,
        match_cost: float = 0.9,
        weak_match_cost: float = 0.5,
        tentative_match_cost: float = 0.7,
        buffer_seconds: float = 1.0,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        check_scores(low_score=low_score, high_score=high_score, new_score=new_score)
        check_costs(
            match_cost=match_cost,
            weak_match_cost=weak_match_cost,
            tentative_match_cost=tentative_match_cost,
        )
        super().__init__(
            AspectHeight(),
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

    def _associate(self, tracks: TrackTable, found: Detections, seconds: float) -> Int64Array:
        pairs = overlapping(self._boxes(tracks), found.boxes_xyxy)
        pairs = self._alike(pairs, tracks, found)
        cost = 1 - pairs.iou
        fused_cost = 1 - pairs.iou * found.scores[pairs.columns]
        sure = found.scores >= self._high_score
        weak = (found.scores >= self._low_score) & ~sure
        believed = tracks.confirmed
        matching = Matching(len(tracks), len(found))
        matching.step(pairs, fused_cost, self._match_cost, believed, sure)
        matching.step(pairs, cost, self._weak_match_cost, believed & tracks.seen, weak)
        matching.step(pairs, fused_cost, self._tentative_match_cost, ~believed, sure)
        return matching.partners

    def _may_begin(self, found: Detections) -> BoolArray:
        return found.scores >= self._new_score

    def _unwanted(self, tracks: TrackTable, boxes: Float32Array) -> BoolArray | None:
        """Return which tracks are duplicates: of a lost and a seen one on a place, the younger."""
        seen, lost = tracks.seen.nonzero()[0], (~tracks.seen).nonzero()[0]
        if not len(seen) or not len(lost):
            return None
        pairs = overlapping(boxes[seen], boxes[lost])
        same = (pairs.iou > DUPLICATE_IOU).nonzero()[0]
        if not len(same):
            return None
        seen, lost = seen[pairs.rows[same]], lost[pairs.columns[same]]
        if self._class_aware:
            alike = tracks.class_ids[seen] == tracks.class_ids[lost]
            seen, lost = seen[alike], lost[alike]
        age = tracks.seen_at - tracks.born_at
        duplicates = np.zeros(len(tracks), bool)
        duplicates[np.where(age[seen] > age[lost], lost, seen)] = True
        return duplicates
