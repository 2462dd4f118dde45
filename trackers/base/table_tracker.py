"""The life of a track, the same for all trackers that keep a table: predict, match, confirm, lose.

A subclass decides which track is matched to which detection, and which detections start a track.
"""

from __future__ import annotations

from typing import Generic

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.assignment import Pairs, overlapping
from trackers.base.box_motion import Motion
from trackers.base.kalman import KalmanState
from trackers.base.ranges import check_not_negative, check_positive
from trackers.base.track_table import BoolArray, Table
from trackers.inputs import DetectionsLike, as_detections
from trackers.tracks import Affine, Tracks, TrackState

CLOCK_ERROR = 1e-6  # seconds: frame times are rounded, 1.1 - 0.1 is more than 1


class TableTracker(Generic[Table]):
    """A tracker without its matching rules; the contract is `trackers.tracks.Tracker`.

    motion: the model of motion of the boxes
    table: the class of the track table
    min_hits: consecutive matches after the first that confirm a track, 0 or more; waived in the
        first `min_hits` frames
    buffer_seconds: a track that was not seen for longer is deleted, above 0. A track seen in the
        previous frame is always matched once more, however late this frame comes (time-lapse,
        reconnect)
    class_aware: whether a track keeps the class of its first detection; otherwise it takes that of
        its last
    emit_lost: whether lost tracks are returned, too, at their predicted positions
    """

    def __init__(
        self,
        motion: Motion,
        table: type[Table],
        *,
        min_hits: int,
        buffer_seconds: float,
        class_aware: bool,
        emit_lost: bool,
    ) -> None:
        check_not_negative(min_hits=min_hits)
        check_positive(buffer_seconds=buffer_seconds)
        self._motion = motion
        self._table = table
        self._min_hits = min_hits
        self._buffer_seconds = buffer_seconds
        self._class_aware = class_aware
        self._emit_lost = emit_lost
        self.reset()

    def reset(self) -> None:
        """Forget everything: afterwards the tracker equals a new one."""
        self._tracks = self._born(Detections.empty(), 0.0)
        self._last_id = 0
        self._frame_count = 0
        self._seconds = 0.0

    def update(
        self, detections: DetectionsLike | None, seconds: float, camera: Affine | None = None
    ) -> Tracks:
        """Return the tracks of the frame taken at `seconds`; see Tracker."""
        assert not self._frame_count or seconds >= self._seconds, (seconds, self._seconds)
        if detections is None:
            return self._at(seconds)
        found = _with_area(as_detections(detections))
        tracks = self._predicted(seconds, camera)
        if not (len(tracks) or len(found)):  # a quiet scene
            return self._kept(tracks, self._boxes(tracks), seconds)
        partners = self._associate(tracks, found, seconds)
        rows = (partners >= 0).nonzero()[0]
        matched = partners[rows]
        tracks = self._updated(tracks, rows, found[matched], seconds)
        tracks = tracks[self._survivors(tracks)]
        starts = self._may_start(tracks, found)
        starts[matched] = False
        new = starts.nonzero()[0]
        if len(new):
            tracks = tracks.joined_with(self._born(found[new], seconds))
        tracks = self._confirmed(tracks)
        boxes = self._boxes(tracks)
        duplicates = self._duplicates(tracks, boxes)
        if duplicates is not None:
            tracks, boxes = tracks[~duplicates], boxes[~duplicates]
        return self._kept(tracks, boxes, seconds)

    def _at(self, seconds: float) -> Tracks:
        """Return the tracks of the last frame as they are predicted to be at a later time.

        What was corrected in the boxes of that frame is corrected in these.
        """
        tracks = self._tracks
        before = ahead = self._boxes(tracks)
        if len(tracks):
            kalman = self._kalman_after(seconds - self._seconds, tracks)
            ahead = self._boxes(tracks.replaced(kalman=kalman))
        boxes = ahead + (self._output_boxes(tracks, before) - before)
        shown = tracks.seen | tracks.confirmed if self._emit_lost else tracks.seen
        return tracks.output(boxes, shown, self._states(tracks))

    def _associate(self, tracks: Table, found: Detections, seconds: float) -> Int64Array:
        """Return (n,) the position of the detection matched to each track, or -1."""
        raise NotImplementedError

    def _may_start(self, tracks: Table, found: Detections) -> BoolArray:
        """Return (m,) which detections start a track if they are not matched, as a new array.

        tracks: those that this frame did not end
        """
        raise NotImplementedError

    def _born(self, found: Detections, seconds: float) -> Table:
        """Return new tracks, one for each detection."""
        return self._table.born(self._motion.start(found.boxes_xyxy), found, seconds)

    def _predicted(self, seconds: float, camera: Affine | None) -> Table:
        """Return the tracks within their buffer, predicted to the time of the new frame."""
        tracks = self._tracks
        if not len(tracks):
            return tracks
        recent = tracks.seen_at >= seconds - self._buffer_seconds - CLOCK_ERROR
        tracks = tracks[recent | tracks.seen]
        tracks = tracks.replaced(kalman=self._kalman_after(seconds - self._seconds, tracks))
        return tracks if camera is None else tracks.moved(self._motion, camera)

    def _kalman_after(self, elapsed: float, tracks: Table) -> KalmanState:
        """Return the state of the tracks, predicted `elapsed` seconds ahead."""
        return self._motion.predict(tracks.kalman, elapsed, tracks.seen)

    def _updated(self, tracks: Table, rows: Int64Array, found: Detections, seconds: float) -> Table:
        """Return the tracks after those in `rows` (m,) were matched to the detections `found`."""
        state = self._motion.correct(tracks.kalman, rows, found.boxes_xyxy)
        return tracks.updated(state, rows, found, seconds)

    def _confirmed(self, tracks: Table) -> Table:
        """Return the tracks, with new identities for those that are confirmed in this frame."""
        tentative = (tracks.ids < 0).nonzero()[0]
        if not len(tentative):  # the usual case
            return tracks
        hits = self._min_hits if self._frame_count >= self._min_hits else 0
        now = tentative[tracks.seen[tentative] & (tracks.hits[tentative] >= hits)]
        ids = tracks.ids.copy()
        ids[now] = np.arange(self._last_id + 1, self._last_id + len(now) + 1)
        self._last_id += len(now)
        return tracks.replaced(ids=ids)

    def _survivors(self, tracks: Table) -> BoolArray:
        """Return (n,) which tracks stay in the table; by default unseen tentative ones go."""
        return tracks.seen | tracks.confirmed

    def _duplicates(self, tracks: Table, boxes: Float32Array) -> BoolArray | None:
        """Return (n,) which tracks, at these boxes, are duplicates of others; None: none are."""
        return None

    def _states(self, tracks: Table) -> NDArray[np.int8]:
        """Return (n,) the TrackState of each track."""
        states = tracks.confirmed.astype(np.int8)  # TENTATIVE or CONFIRMED
        states[~tracks.seen] = TrackState.LOST
        return states

    def _boxes(self, tracks: Table) -> Float32Array:
        """Return (n, 4) the filtered boxes of the tracks."""
        return self._motion.boxes_xyxy(tracks.kalman)

    def _output_boxes(self, tracks: Table, boxes: Float32Array) -> Float32Array:
        """Return (n, 4) the boxes to be returned for tracks with these filtered boxes."""
        return boxes

    def _kept(self, tracks: Table, boxes: Float32Array, seconds: float) -> Tracks:
        """Keep the tracks of a frame, with these filtered boxes, and return those to be shown."""
        self._tracks, self._seconds = tracks, seconds
        self._frame_count += 1
        return self._output(boxes)

    def _output(self, boxes: Float32Array) -> Tracks:
        tracks = self._tracks
        shown = tracks.seen | tracks.confirmed if self._emit_lost else tracks.seen
        return tracks.output(self._output_boxes(tracks, boxes), shown, self._states(tracks))

    def _pairs(
        self, boxes: Float32Array, others: Float32Array, tracks: Table, found: Detections
    ) -> Pairs:
        """Return the pairs of tracks and detections that overlap and may match by class.

        boxes, others: (n, 4) of the tracks, (m, 4) of the detections
        """
        pairs = overlapping(boxes, others)
        if not self._class_aware:
            return pairs
        return pairs[tracks.class_ids[pairs.rows] == found.class_ids[pairs.columns]]


def _with_area(detections: Detections) -> Detections:
    boxes = detections.boxes_xyxy
    finite = np.count_nonzero(np.isfinite(boxes)) == boxes.size
    assert finite, "a box that is not finite would spoil its track"
    in_order = boxes[:, 2:] > boxes[:, :2]
    if np.count_nonzero(in_order) == in_order.size:  # the usual case
        return detections
    return detections[in_order[:, 0] & in_order[:, 1]]
