"""Scores of small examples by_frame_counts by hand, and of ByteTrack on real sequences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.mot_rows import overall, rows
from trackers import make_tracker
from trackers.evaluation.evaluate import evaluate, gathered
from trackers.motchallenge.text import MotRows, mot_lines, read_mot

SORT_MOTA = {  # published for the same detections: name -> frames per second, MOTA
    "TUD-Campus": (25.0, 0.627),
    "ETH-Sunnyday": (14.0, 0.591),
    "ETH-Pedcross2": (14.0, 0.454),
    "KITTI-17": (10.0, 0.602),
}


def track(path: Path, detections: MotRows, rate: float, frames: Iterable[int]) -> MotRows:
    """Return the tracks of these frames, written to `path` and read back."""
    tracker = make_tracker("bytetrack")
    lines = [
        mot_lines(k - 1, tracker.update(detections.at(k).detections(), k / rate)) for k in frames
    ]
    path.write_text("".join(lines))
    return read_mot(path, with_classes=True)


def idf1_of(truth: MotRows, results: MotRows, frames: Sequence[int]) -> float:
    """Return IDF1 over the frames that were tracked."""
    return float(overall(truth.among(np.array(frames)), results)["idf1"])


def test_misses_false_positives_and_switches_are_by_frame_counts() -> None:
    truth = rows(*((frame, 7, 10.0 * frame, 0, 0) for frame in range(1, 11)))
    results = rows(
        *((frame, 1, 10.0 * frame, 0, 0) for frame in range(1, 6)),  # 5 of 10 as 1
        *((frame, 2, 10.0 * frame, 0, 0) for frame in range(7, 11)),  # one missed, 4 of 10 as 2
        (6, 3, 500, 0, 0),  # and one false positive
    )
    scores = overall(truth, results)
    assert scores["mota"] == pytest.approx(1 - 3 / 10)
    assert scores["idf1"] == pytest.approx(2 * 5 / (10 + 10))
    assert scores["deta"] == pytest.approx(9 / 11)
    assert scores["assa"] == pytest.approx((5 * 5 / 10 + 4 * 4 / 10) / 9)
    assert scores["hota"] == pytest.approx(math.sqrt(scores["deta"] * scores["assa"]))
    counts = ("switches", "fragments", "false_positives", "misses", "objects")
    assert [scores[name] for name in counts] == [1, 1, 1, 1, 10]


def test_classes_are_scored_separately_and_summed() -> None:
    truth = rows((1, 1, 0, 0, 0), (1, 2, 100, 0, 2), (2, 2, 100, 0, 2))
    results = rows((1, 1, 0, 0, 0), (1, 2, 100, 0, 2), (2, 2, 100, 0, 1))
    classes = gathered([("a", evaluate(truth, results))]).as_json()["classes"]
    assert classes["0"]["mota"] == 1
    assert classes["1"]["mota"] is None  # no ground truth
    assert classes["2"]["mota"] == 0.5
    scores = overall(truth, results)
    assert (scores["objects"], scores["misses"], scores["false_positives"]) == (3, 1, 1)
    assert scores["mota"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("height", "misses"), [(20.0, 0), (19.9, 1)])
def test_an_iou_of_one_half_is_a_match(height: float, misses: int) -> None:
    truth = rows((1, 1, 0, 0, 0))
    lower_part = replace(truth, boxes_xyxy=np.array([[0, 40 - height, 20, 40]]))
    assert overall(truth, lower_part)["misses"] == misses


def test_without_ground_truth_and_results_there_are_no_rates() -> None:
    scores = overall(rows(), rows())
    assert {scores[name] for name in ("hota", "mota", "idf1", "loca")} == {None}
    assert {scores[name] for name in ("switches", "misses", "false_positives", "objects")} == {0}


@pytest.mark.parametrize("sequence", SORT_MOTA)
def test_bytetrack_is_about_as_good_as_sort_on_sorts_own_detections(
    data: Path, tmp_path: Path, sequence: str
) -> None:
    rate, published = SORT_MOTA[sequence]
    folder = data / "mot15" / sequence
    truth = read_mot(folder / "gt" / "gt.txt", with_classes=False)
    detections = read_mot(folder / "det" / "det.txt", with_classes=False)
    frames = range(1, int(detections.frames[-1]) + 1)
    scores = overall(truth, track(tmp_path / "tracks.txt", detections, rate, frames))
    assert scores["mota"] > published - 0.05
    assert scores["idf1"] > 0.5
    assert scores["switches"] < 150


def test_dropped_frames_cost_little_idf1_and_seconds_keep_more_than_frame_counts(
    data: Path, tmp_path: Path
) -> None:
    """Frame counts assume 1/30 s between any two frames, as most trackers do."""
    full: list[float] = []
    two_of_three: list[float] = []
    one_of_three: list[float] = []
    by_frame_counts: list[float] = []
    for sequence, (rate, _) in SORT_MOTA.items():
        folder = data / "mot15" / sequence
        truth = read_mot(folder / "gt" / "gt.txt", with_classes=False)
        detections = read_mot(folder / "det" / "det.txt", with_classes=False)
        every = range(1, int(detections.frames[-1]) + 1)
        for scores, frames, clock in (
            (full, every, rate),
            (two_of_three, [k for k in every if k % 3], rate),
            (one_of_three, every[::3], rate),
            (by_frame_counts, every[::3], 90.0),
        ):
            results = track(tmp_path / "tracks.txt", detections, clock, frames)
            scores.append(idf1_of(truth, results, frames))
    assert np.mean(two_of_three) > 0.95 * np.mean(full)
    assert np.mean(one_of_three) > 0.9 * np.mean(full)
    assert np.mean(one_of_three) > np.mean(by_frame_counts) + 0.03
