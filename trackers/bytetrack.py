"""ByteTrack: sure detections find their tracks first, weak ones keep what is left alive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from detector.errors import UsageError
from trackers import motion
from trackers.assignment import assign, overlapping
from trackers.table import BoolArray, TrackTable
from trackers.tracks import Tracks

DUPLICATE_IOU = 0.85  # above it, a lost track and a seen one are the same object
CLOCK_ERROR = 1e-6  # seconds: times of frames are rounded, 1.1 - 0.1 is more than 1


class ByteTrack:
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
    """

    def __init__(
        self,
        *,
        high_score: float = 0.5,
        low_score: float = 0.1,
        new_score: float = 0.6,
        match_cost: float = 0.9,
        weak_match_cost: float = 0.5,
        tentative_match_cost: float = 0.7,
        buffer_seconds: float = 1.0,
        class_aware: bool = True,
    ) -> None:
        if not 0 <= low_score <= high_score <= new_score <= 1:
            raise UsageError(
                f"low_score {low_score}, high_score {high_score}, new_score {new_score}: "
                "each is from 0 to 1, and none below the one before it"
            )
        for name, cost in (
            ("match_cost", match_cost),
            ("weak_match_cost", weak_match_cost),
            ("tentative_match_cost", tentative_match_cost),
        ):
            if not 0 < cost <= 1:
                raise UsageError(f"{name} {cost}: above 0, at most 1")
        if not buffer_seconds > 0:
            raise UsageError(f"buffer_seconds {buffer_seconds}: above 0")
        self._high_score = high_score
        self._low_score = low_score
        self._new_score = new_score
        self._match_cost = match_cost
        self._weak_match_cost = weak_match_cost
        self._tentative_match_cost = tentative_match_cost
        self._buffer_seconds = buffer_seconds
        self._class_aware = class_aware
        self.reset()

    def reset(self) -> None:
        """Forget everything: afterwards the tracker equals a new one."""
        self._tracks = TrackTable.born(Detections.empty(), np.zeros(0, np.int64), 0.0)
        self._last_id = 0
        self._seconds: float | None = None

    def update(self, detections: Detections, seconds: float) -> Tracks:
        """Return the tracks that are seen in the picture taken at `seconds`.

        Their boxes are those of the filter. Times never go back, boxes are finite; a box without
        area is not tracked.
        """
        assert self._seconds is None or seconds >= self._seconds, (seconds, self._seconds)
        detections = _with_area(detections)
        tracks = self._predict(seconds)
        partners, free = self._associate(tracks, detections)
        tracks = self._correct(tracks, partners, detections, seconds)
        new = detections[free & (detections.scores >= self._new_score)]
        if len(new):
            tracks = tracks.and_also(self._begin(new, seconds))
        boxes = motion.boxes_xyxy(tracks.motion)
        unique = ~self._duplicates(tracks, boxes)
        self._tracks, self._seconds = tracks[unique], seconds
        return self._tracks.output(boxes[unique])

    def _predict(self, seconds: float) -> TrackTable:
        """Return the tracks that are not too long lost, at the time of the new picture."""
        if self._seconds is None:
            return self._tracks
        recent = seconds - self._tracks.seen_at <= self._buffer_seconds + CLOCK_ERROR
        tracks = self._tracks[recent | self._tracks.seen]
        state = motion.predict(tracks.motion, seconds - self._seconds, growing=tracks.seen)
        return replace(tracks, motion=state)

    def _associate(
        self, tracks: TrackTable, detections: Detections
    ) -> tuple[Int64Array, BoolArray]:
        """Return (n,) the detection that each track is, or -1, and (m,) the detections left."""
        pairs = overlapping(motion.boxes_xyxy(tracks.motion), detections.boxes_xyxy)
        if self._class_aware:
            same = tracks.class_ids[pairs.rows] == detections.class_ids[pairs.columns]
            pairs = pairs[same]
        fused_cost = 1 - pairs.iou * detections.scores[pairs.columns]
        sure = detections.scores >= self._high_score
        weak = (detections.scores >= self._low_score) & ~sure
        believed = tracks.confirmed
        partners, free = np.full(len(tracks), -1), np.ones(len(detections), bool)
        for cost, wanting, offered, limit in (
            (fused_cost, believed, sure, self._match_cost),
            (1 - pairs.iou, believed & tracks.seen, weak, self._weak_match_cost),
            (fused_cost, ~believed, sure, self._tentative_match_cost),
        ):
            rows, columns = wanting & (partners < 0), offered & free
            possible = (rows[pairs.rows] & columns[pairs.columns]).nonzero()[0]
            made = possible[assign(pairs[possible], cost[possible], limit)]
            partners[pairs.rows[made]] = pairs.columns[made]
            free[pairs.columns[made]] = False
        return partners, free

    def _correct(
        self, tracks: TrackTable, partners: Int64Array, detections: Detections, seconds: float
    ) -> TrackTable:
        """Return the tracks with what their partners say; tentative ones are confirmed or gone."""
        seen, confirmed = partners >= 0, tracks.confirmed
        confirmed_now = seen & ~confirmed
        ids = tracks.ids.copy()
        ids[confirmed_now] = self._new_ids(int(confirmed_now.sum()))
        tracks = tracks.updated(seen, detections[partners[seen]], ids, seconds)
        return tracks[seen | confirmed]

    def _begin(self, detections: Detections, seconds: float) -> TrackTable:
        """Return new tracks, tentative ones but for those of the first picture."""
        first = self._seconds is None
        ids = self._new_ids(len(detections)) if first else np.full(len(detections), -1)
        return TrackTable.born(detections, ids, seconds)

    def _new_ids(self, count: int) -> Int64Array:
        """Return the next `count` identities, which nothing had before."""
        ids = np.arange(self._last_id + 1, self._last_id + count + 1)
        self._last_id += count
        return ids

    def _duplicates(self, tracks: TrackTable, boxes: Float32Array) -> BoolArray:
        """Return which tracks to drop: of a lost and a seen one on the same place, the younger."""
        seen, lost = tracks.seen.nonzero()[0], (~tracks.seen).nonzero()[0]
        duplicates = np.zeros(len(tracks), bool)
        if not len(seen) or not len(lost):
            return duplicates
        pairs = overlapping(boxes[seen], boxes[lost])
        same = pairs.iou > DUPLICATE_IOU
        seen, lost = seen[pairs.rows[same]], lost[pairs.columns[same]]
        if self._class_aware:
            alike = tracks.class_ids[seen] == tracks.class_ids[lost]
            seen, lost = seen[alike], lost[alike]
        age = tracks.seen_at - tracks.born_at
        duplicates[np.where(age[seen] > age[lost], lost, seen)] = True
        return duplicates


def _with_area(detections: Detections) -> Detections:
    boxes = detections.boxes_xyxy
    assert np.isfinite(boxes).all(), "a box that is not finite would spoil its track"
    has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return detections if has_area.all() else detections[has_area]
