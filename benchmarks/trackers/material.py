"""Real sequences that trackers are measured on: detections, ground truth, frames per second."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from detector.detections import Int64Array
from tests.support.paths import ROOT
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.evaluation.rules import Rules
from trackers.motchallenge.camera_path import CameraPath, read_camera
from trackers.motchallenge.run import track
from trackers.motchallenge.sequences import read_info
from trackers.motchallenge.text import MotResult, MotRows, read_mot
from trackers.tracks import Tracker

PETS = {  # detections of the same clip by two detectors, and the scores that mean 0 and 1
    "PETS09 Faster R-CNN": ("det_sort_frcnn_768x576.txt", (0.0, 1.0)),
    "PETS09 ACF": ("det_acf_mot15_768x576.txt", (0.0, 100.0)),
}
CHOSEN_ON = ("ADL-Rundle-6", "ETH-Bahnhof", "KITTI-13", "PETS09-S2L1", "TUD-Stadtmitte")


@dataclass(frozen=True, slots=True)
class Material:
    """One sequence: what was detected, what is there, and all its frames.

    rules: what counts in its truth
    camera: how the camera moved, if it did and somebody measured it
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
        """Return how well these frames are tracked, evaluated on them alone.

        with_camera: whether the tracker is told how the camera moved
        """
        camera = self.camera if with_camera else None
        results = MotResult.of(track(tracker, self.detections, frames, frame_rate, camera)).rows
        (scores,) = evaluate(self.truth.among(frames), results, self.rules).values()
        return scores

    def renumbered(self, frames: Int64Array) -> Material:
        """Return the sequence of these frames alone, counted from 1."""
        detections, truth = self.detections.among(frames), self.truth.among(frames)
        return replace(
            self,
            frames=np.arange(1, len(frames) + 1),
            detections=replace(detections, frames=np.searchsorted(frames, detections.frames) + 1),
            truth=replace(truth, frames=np.searchsorted(frames, truth.frames) + 1),
        )


def find_data() -> Path:
    """Return the folder of test data; ends the program where there is none."""
    data = Path(os.environ.get("FRAMELANE_DATA", ROOT / "../shared/data"))
    if not (data / "mot15").is_dir():
        raise click.ClickException(f"{data}/mot15 is needed: set FRAMELANE_DATA to its folder")
    return data


def mot15() -> list[Material]:
    """Return the 11 sequences of MOT15 with the detections of SORT."""
    folders = sorted((find_data() / "mot15").iterdir())
    return [
        _material(folder.name, folder / "det" / "det.txt", folder / "gt" / "gt.txt", (0.0, 1.0))
        for folder in folders
    ]


def pets09() -> list[Material]:
    """Return the clip of PETS with each of its two sets of detections."""
    folder = find_data() / "pets09"
    truth = folder / "gt_768x576.txt"
    return [_material(name, folder / file, truth, scale) for name, (file, scale) in PETS.items()]


def current(kind: str) -> list[Material]:
    """Return the sequences of a kind with detections of current detectors.

    kind: a folder of `data/tracking`: mot17, mot20, dance or sports. The last has ground truth
        only, which stands in for its detections until `detector.detected` draws them
    """
    folders = sorted((find_data() / "tracking" / kind).iterdir())
    rules: dict[str, Rules] = {"mot17": "mot17", "mot20": "mot20"}
    return [_with_rules(folder, rules.get(kind, "mot15")) for folder in folders]


def _with_rules(folder: Path, rules: Rules) -> Material:
    truth_file, camera_file = folder / "gt" / "gt.txt", folder / "camera_motion.txt"
    truth = read_mot(truth_file, with_classes=rules != "mot15")
    detections_file = folder / "det" / "det.txt"
    has_detections = detections_file.exists()
    info = read_info(detections_file if has_detections else truth_file)
    assert info, folder
    detections = read_mot(detections_file, with_classes=False) if has_detections else truth
    return Material(
        folder.name,
        info.frame_rate,
        np.arange(1, info.length + 1),
        replace(detections, scores=detections.scores.clip(0, 1)),
        truth,
        rules,
        read_camera(camera_file) if camera_file.exists() else None,
    )


def _material(name: str, detections: Path, truth: Path, scale: tuple[float, float]) -> Material:
    info = read_info(detections)
    assert info, detections
    rows = read_mot(detections, with_classes=False)
    low, high = scale
    rows = replace(rows, scores=np.clip((rows.scores - low) / (high - low), 0, 1))
    frames = np.arange(1, info.length + 1)
    return Material(name, info.frame_rate, frames, rows, read_mot(truth, with_classes=False))
