"""The life of a track, alike for all trackers that keep a table: predicted, matched, lost.

What differs between trackers is in their files: who is matched to whom, and who is believed.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Float32Array, Int64Array
from detector.errors import UsageError
from trackers.base.assignment import FloatArray, Pairs, assign
from trackers.base.box_motion import Motion
from trackers.base.track_table import BoolArray, TrackTable
from trackers.inputs import DetectionsLike, as_detections
from trackers.tracks import Affine, Tracks, TrackState

CLOCK_ERROR = 1e-6  # seconds: times of frames are rounded, 1.1 - 0.1 is more than 1

Table = TypeVar("Table", bound=TrackTable)


class TableTracker(Generic[Table]):
    """A tracker but for its decisions; what it promises is in `trackers.tracks.Tracker`.

    motion: how boxes move; table: the class of its table
    min_hits: a track is confirmed once it was seen in so many pictures in a row after its first;
        those of the first so many pictures are confirmed at once
    buffer_seconds, class_aware, emit_lost: options that all trackers have
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
        if min_hits < 0:
            raise UsageError(f"min_hits {min_hits}: not below 0")
        if not buffer_seconds > 0:
            raise UsageError(f"buffer_seconds {buffer_seconds}: above 0")
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
        self._pictures = 0
        self._seconds = 0.0

    def update(
        self, detections: DetectionsLike, seconds: float, camera: Affine | None = None
    ) -> Tracks:
        """Return the tracks of the picture taken at `seconds`; see Tracker."""
        assert not self._pictures or seconds >= self._seconds, (seconds, self._seconds)
        found = _with_area(as_detections(detections))
        tracks = self._predicted(seconds, camera)
        partners = self._associate(tracks, found, seconds)
        rows = (partners >= 0).nonzero()[0]
        matched = partners[rows]
        tracks = self._updated(tracks, rows, found[matched], seconds)
        tracks = tracks[self._stay(tracks)]
        begins = self._may_begin(found)
        begins[matched] = False
        new = begins.nonzero()[0]
        if len(new):
            tracks = tracks.and_also(self._born(found[new], seconds))
        tracks = self._confirmed(tracks)
        boxes = self._boxes(tracks)
        unwanted = self._unwanted(tracks, boxes)
        if unwanted is not None:
            tracks, boxes = tracks[~unwanted], boxes[~unwanted]
        self._tracks, self._seconds = tracks, seconds
        self._pictures += 1
        return self._output(boxes)

    def _associate(self, tracks: Table, found: Detections, seconds: float) -> Int64Array:
        """Return (n,) the detection that each track is, or -1."""
        raise NotImplementedError

    def _may_begin(self, found: Detections) -> BoolArray:
        """Return (m,) which detections may begin a track if they are none's, in a new array."""
        raise NotImplementedError

    def _born(self, found: Detections, seconds: float) -> Table:
        """Return new tracks, one for each detection."""
        return self._table.born(self._motion.start(found.boxes_xyxy), found, seconds)

    def _predicted(self, seconds: float, camera: Affine | None) -> Table:
        """Return the tracks that are not too long lost, at the time of the new picture."""
        tracks = self._tracks
        if not len(tracks):
            return tracks
        recent = tracks.seen_at >= seconds - self._buffer_seconds - CLOCK_ERROR
        tracks = tracks[recent | tracks.seen]
        state = self._motion.predict(tracks.motion, seconds - self._seconds, tracks.seen)
        tracks = replace(tracks, motion=state)
        return tracks if camera is None else tracks.moved(self._motion, camera)

    def _updated(self, tracks: Table, rows: Int64Array, found: Detections, seconds: float) -> Table:
        """Return the tracks after those in `rows` (m,) were matched to what was `found`."""
        state = self._motion.correct(tracks.motion, rows, found.boxes_xyxy)
        return tracks.updated(state, rows, found, seconds)

    def _confirmed(self, tracks: Table) -> Table:
        """Return the tracks with identities for those that are believed from now on."""
        hits = self._min_hits if self._pictures >= self._min_hits else 0
        now = tracks.seen & ~tracks.confirmed & (tracks.hits >= hits)
        count = np.count_nonzero(now)
        if not count:
            return tracks
        ids = tracks.ids.copy()
        ids[now] = np.arange(self._last_id + 1, self._last_id + count + 1)
        self._last_id += count
        return replace(tracks, ids=ids)

    def _stay(self, tracks: Table) -> BoolArray:
        """Return (n,) which tracks are kept: a tentative one that was not seen is gone."""
        return tracks.seen | tracks.confirmed

    def _unwanted(self, tracks: Table, boxes: Float32Array) -> BoolArray | None:
        """Return (n,) which tracks, with these boxes, should not be there; None for none."""
        return None

    def _states(self, tracks: Table) -> NDArray[np.int8]:
        """Return (n,) TrackState of each."""
        states = tracks.confirmed.astype(np.int8)  # TENTATIVE or CONFIRMED
        states[~tracks.seen] = TrackState.LOST
        return states

    def _boxes(self, tracks: Table) -> Float32Array:
        """Return (n, 4) where the tracks are."""
        return self._motion.boxes_xyxy(tracks.motion)

    def _shown(self, tracks: Table, boxes: Float32Array) -> Float32Array:
        """Return (n, 4) the boxes to be given out, of tracks that have these."""
        return boxes

    def _output(self, boxes: Float32Array) -> Tracks:
        tracks = self._tracks
        shown = tracks.seen | tracks.confirmed if self._emit_lost else tracks.seen
        return tracks.output(self._shown(tracks, boxes), shown, self._states(tracks))

    def _alike(self, pairs: Pairs, tracks: Table, found: Detections) -> Pairs:
        """Return the pairs of tracks and detections less those that their classes forbid."""
        if not self._class_aware:
            return pairs
        return pairs[tracks.class_ids[pairs.rows] == found.class_ids[pairs.columns]]


class Matching:
    """Who is matched to whom, step by step; whoever is matched is out of the steps that follow.

    partners: (n,) int64, the detection of each track, or -1
    """

    def __init__(self, tracks: int, found: int) -> None:
        self.partners = np.full(tracks, -1)
        self._free = np.ones(found, bool)

    def step(
        self, pairs: Pairs, cost: FloatArray, limit: float, wanting: BoolArray, offered: BoolArray
    ) -> None:
        """Match tracks `wanting` (n,) and detections `offered` (m,) that are left, see `assign`."""
        rows, columns = wanting & (self.partners < 0), offered & self._free
        possible = (rows[pairs.rows] & columns[pairs.columns]).nonzero()[0]
        if not len(possible):
            return
        made = possible[assign(pairs[possible], cost[possible], limit)]
        self.partners[pairs.rows[made]] = pairs.columns[made]
        self._free[pairs.columns[made]] = False


def check_scores(**scores: float) -> None:
    """Raise UsageError unless the scores are from 0 to 1, and none is below the one before it."""
    values = [0.0, *scores.values(), 1.0]
    if not all(low <= high for low, high in pairwise(values)):
        given = ", ".join(f"{name} {score}" for name, score in scores.items())
        raise UsageError(f"{given}: each is from 0 to 1, and none below the one before it")


def check_costs(**costs: float) -> None:
    """Raise UsageError unless the costs are above 0 and at most 1."""
    for name, cost in costs.items():
        if not 0 < cost <= 1:
            raise UsageError(f"{name} {cost}: above 0, at most 1")


def _with_area(detections: Detections) -> Detections:
    boxes = detections.boxes_xyxy
    assert np.count_nonzero(np.isfinite(boxes)) == boxes.size, "a box not finite spoils its track"
    with_area = ((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])).nonzero()[0]
    return detections if len(with_area) == len(detections) else detections[with_area]
