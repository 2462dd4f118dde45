"""Lane: our own tracker, made of what the measurements favoured."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.agile_motion import AgileWidthHeight
from trackers.base.agile_table import AgileTable
from trackers.base.assignment import FloatArray, Pairs, without_rivals
from trackers.base.box_motion import BoolArray
from trackers.base.kalman import Float64Array, KalmanState
from trackers.base.ranges import check_not_negative
from trackers.base.reaching import near_pairs
from trackers.base.score_cascade import ScoreCascadeTracker
from trackers.base.table_tracker import CLOCK_ERROR
from trackers.tracks import Tracks

MAX_REACH = 0.6  # maximum expansion, as a fraction of the box's size
UNCERTAINTY_REACH = 0.65  # expansion per standard deviation of the box's centre
LOST_COST = 0.08  # cost of matching a lost track, per second since it was seen
LOST_CREDIT = 0.02  # deducted from that cost
SLOW_CREDIT = 0.12  # deducted from every cost at 10 frames per second and fewer
FAST_SECONDS, SLOW_SECONDS = 0.075, 0.1  # between two frames: up to the first, nothing is
ALONE_CREDIT = 0.06  # deducted from the cost if track and detection have nothing else near them
DETECTED_SHARE = 0.5  # of the detected box in the returned one; the rest is the filtered box
HIDDEN = 0.75  # a lost track is hidden if another track covers this fraction of its box


class Lane(ScoreCascadeTracker[AgileTable]):
    """Tracks by overlap, height, feet and score, with real elapsed time.

    The steps are ByteTrack's. It differs in these points (docs/tracking.md measures each):

    - Measurement noise depends on the score, process noise on how well the track was predicted so
      far; see AgileWidthHeight.
    - Overlap is multiplied by that of the heights (Hybrid-SORT, Yang et al. 2024, AAAI, section
      3.3) and by a weight that falls with the distance of the lower edges, where feet or wheels
      stand on the ground (the idea of UCMCTrack, Yi et al. 2024, AAAI, without its camera file).
    - A score that differs from what the track's last two scores lead to expect adds to the cost
      (tracklet confidence modelling: Hybrid-SORT, section 3.2).
    - Boxes are expanded before matching (C-BIoU, Yang et al. 2023, WACV), not by a constant but by
      the time since the last frame and by how uncertain the track is.
    - The more time has passed since the last frame, the less a prediction overlaps with what is
      found. So costs are lower below 13 frames per second.
    - Low-confidence detections find tracks that were seen a moment ago, not those long lost.
    - Where nothing can be mistaken, less is asked for. A high-confidence detection and a track that
      was seen a frame ago match at a higher cost if they are near each other and near nothing else.
      A detection whose class no track has starts one at `high_score`. So scenes with few objects
      gain what crowds would lose.
    - A lost track that another one covers is returned for a moment, as LOST, at its predicted
      position: it is behind the other.
    - The box that is returned is the middle of the filtered and the detected one. The filtered box
      finds the next detection better, but it lags behind an object that turns.

    new_score: minimum score of a detection that starts a track; `high_score` from the second frame
        on if no track has its class, or if there is no track and class_aware is False
    height_weight: exponent of the overlap of heights, 0 or more
    foot_weight: 0 or more; the overlap is multiplied by exp(-foot_weight x distance), where the
        distance of the lower edges is relative to the taller box
    score_weight: cost of a difference of 1 between expected and detected score, 0 or more
    reach: expansion of a box to each side, as a fraction of its size per second since the previous
        frame, 0 or more; at most half of its size
    low_score_seconds: low-confidence detections find tracks seen so long ago at most, 0 or more
    hidden_seconds: a hidden track is returned for so long, 0 or more
    For the other options see ScoreCascadeTracker.
    """

    def __init__(
        self,
        *,
        high_score: float = 0.6,
        low_score: float = 0.1,
        new_score: float = 0.7,
        match_cost: float = 0.82,
        low_score_match_cost: float = 0.61,
        tentative_match_cost: float = 0.85,
        height_weight: float = 0.5,
        foot_weight: float = 0.45,
        score_weight: float = 0.16,
        reach: float = 0.9,
        low_score_seconds: float = 0.5,
        hidden_seconds: float = 0.3,
        buffer_seconds: float = 1.5,
        class_aware: bool = True,
        emit_lost: bool = False,
    ) -> None:
        check_not_negative(
            height_weight=height_weight,
            foot_weight=foot_weight,
            score_weight=score_weight,
            reach=reach,
            low_score_seconds=low_score_seconds,
            hidden_seconds=hidden_seconds,
        )
        self._agile_motion = self._make_motion()
        super().__init__(
            self._agile_motion,
            AgileTable,
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
        self._foot_weight = foot_weight
        self._score_weight = score_weight
        self._reach = reach
        self._low_score_seconds = low_score_seconds
        self._hidden_seconds = hidden_seconds

    @staticmethod
    def _make_motion() -> AgileWidthHeight:
        return AgileWidthHeight()

    def _kalman_after(self, elapsed: float, tracks: AgileTable) -> KalmanState:
        return self._agile_motion.predict(tracks.kalman, elapsed, tracks.seen, tracks.agility)

    def _updated(
        self, tracks: AgileTable, rows: Int64Array, found: Detections, seconds: float
    ) -> AgileTable:
        state, surprise = self._agile_motion.corrected(
            tracks.kalman, rows, found.boxes_xyxy, found.scores
        )
        agility = self._agile_motion.adapted(tracks.agility[rows], surprise)
        return tracks.matched(state, agility, rows, found, seconds)

    def _costs(
        self, tracks: AgileTable, found: Detections, high: BoolArray, seconds: float
    ) -> tuple[Pairs, FloatArray]:
        class_ids = tracks.class_ids if self._class_aware else None
        elapsed = seconds - self._seconds if self._frame_count else 0.0
        reaches = self._reaches(tracks, elapsed)
        near = near_pairs(tracks.kalman.position, reaches, found, class_ids)
        rows, columns = near.pairs.rows, near.pairs.columns
        likeness = near.height_overlap**self._height_weight
        likeness *= near.pairs.iou * np.exp(-self._foot_weight * near.foot_distance)
        likeness *= self._weights(found, high)[columns]
        cost = 1.0 - likeness
        changes = tracks.expected_scores(elapsed)[rows] - found.scores[columns]
        cost += self._score_weight * abs(changes)
        cost += self._lost_costs(tracks, seconds)[rows]
        alone = without_rivals(rows, columns) & tracks.seen[rows] & high[columns]
        cost -= ALONE_CREDIT * alone + self._slow_credit(elapsed)
        return near.pairs, cost

    @staticmethod
    def _slow_credit(elapsed: float) -> float:
        """Return what is deducted from every cost, `elapsed` seconds after the previous frame."""
        slowness = (elapsed - FAST_SECONDS) / (SLOW_SECONDS - FAST_SECONDS)
        return SLOW_CREDIT * min(1.0, max(0.0, slowness))

    @staticmethod
    def _lost_costs(tracks: AgileTable, seconds: float) -> Float64Array:
        """Return (n,) the cost added to matching a track because it is lost; 0 if it is not."""
        costs = LOST_COST * (seconds - tracks.seen_at)
        costs -= LOST_CREDIT
        costs *= ~tracks.seen
        return costs

    def _may_start(self, tracks: AgileTable, found: Detections) -> BoolArray:
        starts = super()._may_start(tracks, found)
        untracked = set(found.class_ids.tolist())
        if self._class_aware:
            untracked -= set(tracks.class_ids.tolist())
        elif len(tracks):
            untracked.clear()
        if untracked and self._frame_count:  # in the first frame, tracks are confirmed at once
            first = np.isin(found.class_ids, list(untracked))
            starts |= first & (found.scores >= self._high_score)
        return starts

    def _reaches(self, tracks: AgileTable, elapsed: float) -> Float64Array:
        """Return (2, n) by how much the boxes are expanded in x and y, relative to their size."""
        position, _, variance = tracks.kalman.planes[:3]
        uncertain = np.sqrt(variance[:2]) / position[2:]
        reaches = self._reach * elapsed + UNCERTAINTY_REACH * uncertain
        return np.asarray(np.minimum(reaches, MAX_REACH))

    def _low_score_candidates(self, tracks: AgileTable, seconds: float) -> BoolArray:
        recent = tracks.seen_at >= seconds - self._low_score_seconds - CLOCK_ERROR
        return tracks.confirmed & (recent | tracks.seen)

    def _output(self, boxes: Float32Array) -> Tracks:
        tracks = self._tracks
        if self._emit_lost or not self._hidden_seconds:
            return super()._output(boxes)
        shown = tracks.seen | self._hidden(tracks, boxes)
        return tracks.output(self._output_boxes(tracks, boxes), shown, self._states(tracks))

    def _output_boxes(self, tracks: AgileTable, boxes: Float32Array) -> Float32Array:
        share = (DETECTED_SHARE * tracks.seen)[:, None]
        mixed: Float32Array = np.add(boxes, share * (tracks.detected - boxes), dtype=np.float32)
        return mixed

    def _hidden(self, tracks: AgileTable, boxes: Float32Array) -> BoolArray:
        """Return (n,) which tracks were lost a moment ago and are covered by one that is seen."""
        recent = tracks.seen_at >= self._seconds - self._hidden_seconds - CLOCK_ERROR
        lost = (recent & ~tracks.seen & tracks.confirmed).nonzero()[0]
        hidden = np.zeros(len(tracks), bool)
        if len(lost):
            seen = tracks.seen.nonzero()[0]
            hidden[lost] = _covered(boxes.take(lost, axis=0), boxes.take(seen, axis=0))
        return hidden


def _covered(boxes: Float32Array, others: Float32Array) -> BoolArray:
    """Return (n,) which boxes one of the others covers to a fraction of at least HIDDEN."""
    planes, other_planes = boxes.T.copy()[:, :, None], others.T.copy()[:, None]
    shared = np.minimum(planes[2:], other_planes[2:])
    shared -= np.maximum(planes[:2], other_planes[:2])
    sides = planes[2:] - planes[:2]
    covered = shared[0] * shared[1] >= HIDDEN * sides[0] * sides[1]
    covered &= shared[0] > 0  # both may be below 0
    return np.asarray(covered.any(axis=1))
