"""Real sequences with detections and ground truth, and the scores of trackers on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detector.detections import Int64Array
from trackers import make_tracker
from trackers.base.kalman import STEPS_PER_SECOND
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.evaluation.rules import Rules
from trackers.motchallenge.camera_path import CameraPath
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.motchallenge.run import track
from trackers.motchallenge.sequences import read_info
from trackers.motchallenge.text import MotResult, MotRows, read_mot
from trackers.tracks import Tracker

PETS = {  # detections of the same clip by two detectors, and the scores that mean 0 and 1
    "PETS09 Faster R-CNN": ("det_sort_frcnn_768x576.txt", (0.0, 1.0)),
    "PETS09 ACF": ("det_acf_mot15_768x576.txt", (0.0, 100.0)),
}


@dataclass(frozen=True, slots=True)
class LabelledSequence:
    """One sequence: its detections, its ground truth and its frames.

    rules: what counts in its ground truth
    camera: its camera motion, where it was estimated
    """

    name: str
    frame_rate: float
    frames: Int64Array
    detections: MotRows
    truth: MotRows
    rules: Rules = "mot15"
    camera: CameraPath | None = None

    def scores(
        self,
        tracker: Tracker,
        frames: Int64Array,
        frame_rate: float,
        *,
        with_camera: bool = False,
    ) -> Scores:
        """Return the scores of a tracker that gets these frames, evaluated on them alone.

        with_camera: whether the tracker gets the camera motion, too
        """
        camera = self.camera if with_camera else None
        results = MotResult.of(track(tracker, self.detections, frames, frame_rate, camera)).rows
        (scores,) = evaluate(self.truth.among(frames), results, self.rules).values()
        return scores

    def scores_by_seconds(self, tracker: str, choice: FrameChoice) -> Scores:
        """Return the scores of a tracker on the chosen frames, at their real times."""
        return self.scores(make_tracker(tracker), self._chosen(choice), self.frame_rate)

    def scores_by_frame_counts(self, choice: FrameChoice) -> Scores:
        """Return the scores of ByteTrack that takes the chosen frames for consecutive ones."""
        renumbered = self._renumbered(self._chosen(choice))
        return renumbered.scores(make_tracker("bytetrack"), renumbered.frames, STEPS_PER_SECOND)

    def _chosen(self, choice: FrameChoice) -> Int64Array:
        return choice.of(self.name, int(self.frames[-1]))

    def _renumbered(self, frames: Int64Array) -> LabelledSequence:
        """Return the sequence of these frames alone, counted from 1."""
        detections, truth = self.detections.among(frames), self.truth.among(frames)
        return replace(
            self,
            frames=np.arange(1, len(frames) + 1),
            detections=replace(detections, frames=np.searchsorted(frames, detections.frames) + 1),
            truth=replace(truth, frames=np.searchsorted(frames, truth.frames) + 1),
        )


def mot15(data: Path) -> list[LabelledSequence]:
    """Return the 11 sequences of MOT15 with the detections of SORT."""
    return [
        _read(folder.name, folder / "det" / "det.txt", folder / "gt" / "gt.txt", (0.0, 1.0))
        for folder in sorted((data / "mot15").iterdir())
    ]


def pets09(data: Path) -> list[LabelledSequence]:
    """Return the clip of PETS with each of its two sets of detections."""
    folder = data / "pets09"
    truth = folder / "gt_768x576.txt"
    return [_read(name, folder / file, truth, scale) for name, (file, scale) in PETS.items()]


def _read(name: str, detections: Path, truth: Path, scale: tuple[float, float]) -> LabelledSequence:
    info = read_info(detections)
    assert info, detections
    rows = read_mot(detections, with_classes=False)
    low, high = scale
    rows = replace(rows, scores=np.clip((rows.scores - low) / (high - low), 0, 1))
    frames = np.arange(1, info.length + 1)
    labelled = read_mot(truth, with_classes=False)
    return LabelledSequence(name, info.frame_rate, frames, rows, labelled)
