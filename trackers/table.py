"""The tracks that a tracker keeps between two pictures, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Float32Array, Int64Array
from trackers import motion
from trackers.kalman import Float64Array, KalmanState
from trackers.tracks import Tracks, TrackState

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TrackTable:
    """Tracks, oldest first, one row each.

    motion: where they are and how they move
    scores: (n,) float32 and class_ids: (n,) int64, of the detection that was matched last
    ids: (n,) int64, from 1; -1 for a track that is not yet confirmed
    born_at, seen_at: (n,) float64, seconds of the first and the last match
    seen: (n,) bool, matched to a detection of the last picture
    """

    motion: KalmanState
    scores: Float32Array
    class_ids: Int64Array
    ids: Int64Array
    born_at: Float64Array
    seen_at: Float64Array
    seen: BoolArray

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, chosen: BoolArray) -> TrackTable:
        """Return the chosen rows, by mask."""
        if chosen.all():  # as mostly
            return self
        return TrackTable(
            KalmanState(self.motion.planes[:, :, chosen]),
            self.scores[chosen],
            self.class_ids[chosen],
            self.ids[chosen],
            self.born_at[chosen],
            self.seen_at[chosen],
            self.seen[chosen],
        )

    @classmethod
    def born(cls, detections: Detections, ids: Int64Array, seconds: float) -> TrackTable:
        """Return new tracks, one for each detection."""
        times = np.full(len(detections), seconds)
        return cls(
            motion.start(detections.boxes_xyxy),
            detections.scores,
            detections.class_ids,
            ids,
            times,
            times,
            np.ones(len(detections), bool),
        )

    @property
    def confirmed(self) -> BoolArray:
        """(n,) whether a track is believed, and so has an identity."""
        return self.ids > 0

    def updated(
        self, seen: BoolArray, detections: Detections, ids: Int64Array, seconds: float
    ) -> TrackTable:
        """Return the tracks after those `seen` (n,) were matched to the detections, in order.

        ids: (n,) int64, those that the tracks have from now on
        """
        rows = seen.nonzero()[0]
        scores, class_ids, seen_at = self.scores.copy(), self.class_ids.copy(), self.seen_at.copy()
        scores[rows], class_ids[rows] = detections.scores, detections.class_ids
        seen_at[rows] = seconds
        state = motion.correct(self.motion, rows, detections.boxes_xyxy)
        return TrackTable(state, scores, class_ids, ids, self.born_at, seen_at, seen)

    def and_also(self, younger: TrackTable) -> TrackTable:
        """Return these tracks, followed by `younger` ones."""
        return TrackTable(
            KalmanState(np.concatenate((self.motion.planes, younger.motion.planes), axis=2)),
            np.concatenate((self.scores, younger.scores)),
            np.concatenate((self.class_ids, younger.class_ids)),
            np.concatenate((self.ids, younger.ids)),
            np.concatenate((self.born_at, younger.born_at)),
            np.concatenate((self.seen_at, younger.seen_at)),
            np.concatenate((self.seen, younger.seen)),
        )

    def output(self, boxes_xyxy: Float32Array) -> Tracks:
        """Return the tracks that were seen in the last picture, of all that have these boxes."""
        ids = self.ids[self.seen]
        states = np.full(len(ids), TrackState.CONFIRMED, np.int8)
        states[ids < 0] = TrackState.TENTATIVE
        boxes = boxes_xyxy[self.seen]
        return Tracks(boxes, self.scores[self.seen], self.class_ids[self.seen], ids, states)
