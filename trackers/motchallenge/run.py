"""Tracking of detection files: MOTChallenge text in, MOTChallenge text out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from detector.detections import Int64Array
from detector.errors import UsageError
from detector.text_file import write_text
from trackers.motchallenge.camera_path import CameraPath, read_camera
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.motchallenge.history import History
from trackers.motchallenge.sequences import SequenceInfo, find_sequences, read_info
from trackers.motchallenge.text import MotResult, MotRows, read_mot
from trackers.tracks import Tracker, Tracks

DEFAULT_RATE = 30.0  # frames per second, without --frame-rate and seqinfo.ini


def run_files(
    detections: Path,
    output: Path,
    follow: Callable[[History], MotResult],
    *,
    frame_rate: float | None = None,
    camera_motion: Path | None = None,
    with_classes: bool = False,
    score_range: tuple[float, float] | None = None,
    frames: FrameChoice | None = None,
    warn: Callable[[str], None] = print,
) -> None:
    """Track each sequence, and write its tracks.

    detections, camera_motion: a file or a folder, see `find_sequences`
    output: a file if `detections` is a file, else a folder for a NAME.txt per sequence
    follow: returns the tracks of a sequence
    frame_rate: per second; None: that of the sequence's seqinfo.ini, or else 30
    with_classes: whether column 8 of detections is a class
    score_range: the two scores that become 0 and 1; scores beyond them are clipped
    warn: takes a line for each assumption that was made
    Raises UsageError if a file cannot be read or written.
    """
    named = find_sequences(detections, "det/det.txt")
    cameras = {} if camera_motion is None else find_sequences(camera_motion)
    if camera_motion is not None and camera_motion.is_file():
        cameras = dict.fromkeys(named, camera_motion)
    for name, file in named.items():
        info = read_info(file)
        if frame_rate is None and info is None:
            warn(f"{name}: no --frame-rate and no seqinfo.ini: {DEFAULT_RATE:g} fps is assumed")
        if camera_motion is not None and name not in cameras:
            warn(f"{name}: no {name}.txt in {camera_motion}: the camera is assumed to stand still")
        rows = read_mot(file, with_classes=with_classes)
        if score_range is None and (rows.scores != rows.scores.clip(0, 1)).any():
            warn(f"{name}: scores are clipped to 0..1; set --score-range to scale them")
        rows = _scaled(rows, score_range or (0.0, 1.0))
        camera = read_camera(cameras[name]) if name in cameras else None
        chosen = _chosen_frames(name, rows, info, FrameChoice() if frames is None else frames)
        rate = frame_rate or (info.frame_rate if info else DEFAULT_RATE)
        result = follow(History.of(rows, chosen, rate, camera))
        write_text(output / f"{name}.txt" if detections.is_dir() else output, result.text())


def track(
    tracker: Tracker,
    rows: MotRows,
    frames: Int64Array,
    frame_rate: float,
    camera: CameraPath | None = None,
) -> Iterator[tuple[int, Tracks]]:
    """Yield each of `frames` (from 1, increasing) with its tracks; see `History.of`."""
    return History.of(rows, frames, frame_rate, camera).tracks(tracker)


def _chosen_frames(
    name: str, rows: MotRows, info: SequenceInfo | None, choice: FrameChoice
) -> Int64Array:
    """Return the chosen frames, from the first one with a detection.

    Trackers confirm the tracks of their first frame at once, so that frame should not be empty.
    """
    last = max(rows.last_frame, info.length if info else 0)
    frames = choice.of(name, last)
    return frames[frames >= rows.frames[0]] if len(rows) else frames


def _scaled(rows: MotRows, score_range: tuple[float, float]) -> MotRows:
    low, high = score_range
    if not low < high:
        raise UsageError(
            f"--score-range {low:g} {high:g}: the second number must be above the first, as in "
            "0 100"
        )
    return replace(rows, scores=np.clip((rows.scores - low) / (high - low), 0, 1))
