"""What was detected in one scene, and when; trackers run over it in both directions of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from detector.detections import Int64Array
from trackers.base.kalman import Float64Array
from trackers.motchallenge.camera_path import CameraPath
from trackers.motchallenge.text import MotResult, MotRows
from trackers.tracks import Tracker, Tracks


@dataclass(frozen=True, slots=True)
class History:
    """The detections of one scene, in which identities can last.

    frames: (n,) int64, increasing: the frames that were looked at
    seconds: (n,) float64, increasing: when they were taken
    detections: of these frames; those of others are ignored
    steps: (n, 2, 3), the affine that maps the one before to each of the frames; None: the camera
        stood still
    """

    frames: Int64Array
    seconds: Float64Array
    detections: MotRows
    steps: Float64Array | None = None

    @classmethod
    def of(
        cls,
        detections: MotRows,
        frames: Int64Array,
        frame_rate: float,
        camera: CameraPath | None = None,
    ) -> History:
        """Return the detections of `frames`, from 1, taken at a constant rate per second.

        camera: the whole path, including frames between those that are tracked
        """
        steps = None
        if camera:
            before = [*frames[:1].tolist(), *frames[:-1].tolist()]
            pairs = zip(before, frames.tolist(), strict=True)
            steps = np.array([camera.between(a - 1, b - 1) for a, b in pairs]).reshape(-1, 2, 3)
        return cls(frames, (frames - 1) / frame_rate, detections, steps)

    def seconds_of(self, frames: Int64Array) -> Float64Array:
        """Return when some of the frames were taken."""
        return self.seconds[np.searchsorted(self.frames, frames)]

    def tracks(self, tracker: Tracker) -> Iterator[tuple[int, Tracks]]:
        """Yield each frame with its tracks."""
        steps = [None] * len(self.frames) if self.steps is None else [*self.steps]
        rows = zip(self.frames.tolist(), self.seconds.tolist(), steps, strict=True)
        for frame, seconds, step in rows:
            yield frame, tracker.update(self.detections.at(frame).detections(), seconds, step)

    def tracked(self, tracker: Tracker) -> MotRows:
        """Return the confirmed tracks of a new tracker."""
        found = ((frame, tracks.confirmed) for frame, tracks in self.tracks(tracker))
        return MotResult.of(found).rows

    def tracked_backwards(self, tracker: Tracker) -> MotRows:
        """Return the confirmed tracks of a new tracker that gets the last frame first."""
        return _reversed_rows(self._reversed().tracked(tracker))

    def _reversed(self) -> History:
        """Return the scene backwards, with negative frames, so that they increase."""
        return History(
            -self.frames[::-1],
            self.seconds[-1:] - self.seconds[::-1],
            _reversed_rows(self.detections),
            None if self.steps is None else _reversed_steps(self.steps),
        )


def _reversed_rows(rows: MotRows) -> MotRows:
    """Return rows with negated frames, in their order."""
    order = np.argsort(-rows.frames, kind="stable")
    return replace(rows[order], frames=-rows.frames[order])


def _reversed_steps(steps: Float64Array) -> Float64Array:
    """Return the affines that map each frame to the one before it, the last frame first."""
    last_row = np.broadcast_to([[[0.0, 0.0, 1.0]]], (len(steps), 1, 3))
    back = np.linalg.inv(np.concatenate((steps, last_row), axis=1))[:, :2]
    return np.concatenate((np.eye(3)[None, :2], back[:0:-1]))
