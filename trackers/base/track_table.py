"""The tracks that a tracker keeps between two frames, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Float32Array, Int64Array
from trackers.base.box_motion import Motion
from trackers.base.kalman import Float64Array, KalmanState
from trackers.tracks import Affine, Tracks

BoolArray = NDArray[np.bool_]
Table = TypeVar("Table", bound="TrackTable")


@dataclass(frozen=True, slots=True)
class TrackTable:
    """Tracks, oldest first, one row each.

    kalman: the filtered positions and velocities, and their covariances
    scores: (n,) float32 and class_ids: (n,) int64, of the last matched detection
    ids: (n,) int64, from 1; -1 for a track that is not yet confirmed
    hits: (n,) int64, consecutive matches after the first, up to the last frame
    born_at, seen_at: (n,) float64, seconds of the first and the last match
    seen: (n,) bool, matched to a detection of the last frame
    """

    kalman: KalmanState
    scores: Float32Array
    class_ids: Int64Array
    ids: Int64Array
    hits: Int64Array
    born_at: Float64Array
    seen_at: Float64Array
    seen: BoolArray

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self: Table, chosen: BoolArray) -> Table:
        """Return the chosen rows, by mask."""
        if np.count_nonzero(chosen) == len(self):  # the usual case
            return self
        return type(self)(*[getattr(self, name)[chosen] for name in self.__match_args__])

    def joined_with(self: Table, younger: Table) -> Table:
        """Return these tracks, followed by `younger` ones."""
        names = self.__match_args__
        return type(self)(*[_joined(getattr(self, k), getattr(younger, k)) for k in names])

    def replaced(self: Table, **changed: Any) -> Table:
        """Return the tracks with these fields changed; faster than `dataclasses.replace`."""
        names = self.__match_args__
        return type(self)(*[changed[k] if k in changed else getattr(self, k) for k in names])

    @classmethod
    def born(
        cls: type[Table], kalman: KalmanState, detections: Detections, seconds: float
    ) -> Table:
        """Return new tracks, one for each detection, none of them confirmed."""
        n = len(detections)
        times = np.full(n, seconds)
        return cls(
            kalman=kalman,
            scores=detections.scores,
            class_ids=detections.class_ids,
            ids=np.full(n, -1, np.int64),
            hits=np.zeros(n, np.int64),
            born_at=times,
            seen_at=times,
            seen=np.ones(n, bool),
        )

    @property
    def confirmed(self) -> BoolArray:
        """(n,) whether a track is confirmed, and so has an identity."""
        return self.ids > 0

    def updated(
        self: Table,
        kalman: KalmanState,
        rows: Int64Array,
        found: Detections,
        seconds: float,
        **further: NDArray[Any],
    ) -> Table:
        """Return the tracks after those in `rows` (m,) were matched to the detections `found`.

        kalman: new state of all tracks, corrected by the detections
        further: new values of the fields of a subclass
        """
        seen = np.zeros(len(self), bool)
        seen[rows] = True
        scores, class_ids, seen_at = self.scores.copy(), self.class_ids.copy(), self.seen_at.copy()
        scores[rows], class_ids[rows] = found.scores, found.class_ids
        seen_at[rows] = seconds
        hits = (self.hits + 1) * seen
        return self.replaced(
            kalman=kalman,
            scores=scores,
            class_ids=class_ids,
            hits=hits,
            seen_at=seen_at,
            seen=seen,
            **further,
        )

    def moved(self: Table, motion: Motion, camera: Affine) -> Table:
        """Return the tracks in the coordinates of the new frame, after the camera moved.

        motion: the model of motion that their filters use
        """
        return self.replaced(kalman=motion.moved(self.kalman, camera))

    def output(
        self, boxes_xyxy: Float32Array, shown: BoolArray, states: NDArray[np.int8]
    ) -> Tracks:
        """Return the tracks `shown` (n,), with their rows of these boxes and states."""
        rows = shown.nonzero()[0]
        return Tracks(
            boxes_xyxy[rows],
            self.scores[rows],
            self.class_ids[rows],
            self.ids[rows],
            states[rows],
        )


def _joined(older: Any, younger: Any) -> Any:
    if isinstance(older, KalmanState):
        return older.joined_with(younger)
    return np.concatenate((older, younger))
