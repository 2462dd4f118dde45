"""The detections of one stream, kept until its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from detector.detections import Detections
from pipeline.frames.result import Detected, Tracked
from pipeline.runtime.stage import Stage
from pipeline.stages.camera_motion import CameraMotion
from trackers.motchallenge.history import History
from trackers.motchallenge.text import MotRows
from trackers.tracks import Affine, Tracks

_STILL = np.eye(2, 3)


@dataclass(slots=True)
class _Scene:
    """The frames of one scene so far: positions, seconds, detections, and steps of the camera."""

    indices: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    detections: list[Detections] = field(default_factory=list)
    steps: list[Affine] = field(default_factory=list)

    def history(self, *, moves: bool) -> History:
        frames = np.array(self.indices, np.int64)
        counts = [len(each) for each in self.detections]
        rows = MotRows(
            np.repeat(frames, counts),
            np.full(sum(counts), -1),
            np.concatenate([each.boxes_xyxy for each in self.detections]).astype(np.float64),
            np.concatenate([each.scores for each in self.detections]).astype(np.float64),
            np.concatenate([each.class_ids for each in self.detections]),
        )
        return History(
            frames, np.array(self.seconds), rows, np.stack(self.steps) if moves else None
        )


class Remember(Stage[Detected, Tracked]):
    """Takes the place of a tracker: keeps the detections, and passes frames on without tracks.

    camera: estimates the camera's motion; None for a fixed camera
    """

    def __init__(self, camera: CameraMotion | None) -> None:
        self._camera = camera
        self._scenes: list[_Scene] = []
        self._scene: int | None = None  # number of the last one

    @property
    def scenes(self) -> Sequence[History]:
        """What was detected; frames are numbered from 0, in the source."""
        return [each.history(moves=self._camera is not None) for each in self._scenes]

    def process(self, item: Detected) -> Iterable[Tracked]:
        """Keep the detections of a frame."""
        frame = item.frame
        if frame.scene != self._scene:
            self._scene = frame.scene
            self._scenes.append(_Scene())
            if self._camera:
                self._camera.reset()
        step = self._camera.step_of(item) if self._camera else None
        scene = self._scenes[-1]
        scene.indices.append(frame.index)
        scene.seconds.append(float(frame.time))
        scene.detections.append(item.detections)
        scene.steps.append(_STILL if step is None else step)
        return (Tracked(frame, Tracks.untracked(Detections.empty())),)
