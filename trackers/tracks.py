"""The result of a tracker for one frame, and the contract of every tracker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Float32Array, Int64Array
from trackers.inputs import DetectionsLike

Affine = NDArray[np.float64]  # (2, 3): maps a point of the previous frame to this one


class TrackState(IntEnum):
    """Whether a track is confirmed, and matched to a detection of this frame."""

    TENTATIVE = 0  # matched, but not often enough to be confirmed
    CONFIRMED = 1  # matched, and confirmed
    LOST = 2  # confirmed, but not matched; its box is predicted


@dataclass(frozen=True, slots=True)
class Tracks:
    """The objects of one frame with their identities.

    boxes_xyxy: (n, 4) float32, source pixels
    scores: (n,) float32, of the last matched detection
    class_ids: (n,) int64, positions in the manifest's class list, from 0
    ids: (n,) int64, from 1, never reused by the same tracker; -1 for a track that is not yet
        confirmed, and for detections that were not tracked
    states: (n,) int8, the TrackState of each track
    """

    boxes_xyxy: Float32Array
    scores: Float32Array
    class_ids: Int64Array
    ids: Int64Array
    states: NDArray[np.int8]

    def __post_init__(self) -> None:
        n = len(self.ids)
        assert self.boxes_xyxy.shape == (n, 4) and self.boxes_xyxy.dtype == np.float32, self
        assert self.scores.shape == (n,) and self.scores.dtype == np.float32, self
        assert self.class_ids.shape == (n,) and self.class_ids.dtype == np.int64, self
        assert self.ids.shape == (n,) and self.ids.dtype == np.int64, self
        assert self.states.shape == (n,) and self.states.dtype == np.int8, self

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Tracks(n={len(self.ids)}, ids={self.ids.tolist()})"

    def __getitem__(self, chosen: NDArray[np.bool_] | Int64Array | slice) -> Tracks:
        """Return the chosen rows, by mask, positions or slice."""
        return Tracks(
            self.boxes_xyxy[chosen],
            self.scores[chosen],
            self.class_ids[chosen],
            self.ids[chosen],
            self.states[chosen],
        )

    def within(self, width: int, height: int) -> Tracks:
        """Return the tracks clipped to a frame, without those whose centre has left it."""
        boxes = self.boxes_xyxy
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = np.flatnonzero(((centres >= 0) & (centres <= (width, height))).all(axis=1))
        limits = np.array([width, height, width, height], np.float32)
        clipped = np.clip(boxes[inside], np.float32(0), limits)
        return replace(self[inside], boxes_xyxy=clipped)

    @property
    def confirmed(self) -> Tracks:
        """The tracks that outputs contain: confirmed, and matched in this frame."""
        return self[self.states == TrackState.CONFIRMED]

    @classmethod
    def untracked(cls, detections: Detections) -> Tracks:
        """Return the detections as tracks without identity (-1)."""
        n = len(detections)
        return cls(
            detections.boxes_xyxy,
            detections.scores,
            detections.class_ids,
            np.full(n, -1, np.int64),
            np.full(n, TrackState.CONFIRMED, np.int8),
        )


class Tracker(Protocol):
    """Tracks the objects of one stream; each instance counts identities from 1.

    The same detections at the same times give the same tracks on every machine.
    """

    def update(
        self, detections: DetectionsLike | None, seconds: float, camera: Affine | None = None
    ) -> Tracks:
        """Return the tracks of the frame taken at `seconds`, which never decrease.

        detections: Detections, an array, or an object of another library (see `trackers.inputs`);
            boxes must be finite; boxes without area are not tracked. None: the frame was not
            observed: the tracks of the last frame that was are returned, at their predicted
            positions, and nothing changes: none is missed, and none changes its identity
        camera: (2, 3) affine that maps the previous frame to this one; None: the camera stood still
        """

    def reset(self) -> None:
        """Forget everything: afterwards the tracker equals a new one."""
