"""Finished tracks are interpolated and smoothed, and their boxes are marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trackers import make_tracker
from trackers.evaluation.evaluate import evaluate
from trackers.motchallenge.interpolate import refined
from trackers.motchallenge.run import track
from trackers.motchallenge.text import MotResult, MotRows, Origin, read_mot

RATE = 25.0


def result(frames: list[int], lefts: np.ndarray, identity: int = 1) -> MotResult:
    """Return one track of 40 x 100 boxes."""
    n = len(frames)
    corners = np.stack((lefts, np.full(n, 50.0)), axis=1)
    rows = MotRows(
        np.array(frames),
        np.full(n, identity),
        np.hstack((corners, corners + np.array([40, 100]))),
        np.linspace(0.5, 0.9, n),
        np.full(n, 2),
    )
    return MotResult(rows, np.full(n, Origin.TRACKED))


def test_a_gap_is_interpolated_linearly() -> None:
    frames = [*range(1, 31), *range(40, 71)]
    found = refined(result(frames, 4.0 * np.array(frames)), np.arange(1, 71), RATE)
    assert found.rows.frames.tolist() == list(range(1, 71))
    np.testing.assert_allclose(found.rows.boxes_xyxy[:, 0], 4.0 * np.arange(1, 71), atol=1e-6)
    np.testing.assert_allclose(found.rows.boxes_xyxy[:, 2], 4.0 * np.arange(1, 71) + 40, atol=1e-6)
    interpolated = found.rows.frames[found.origins == Origin.INTERPOLATED]
    assert interpolated.tolist() == list(range(31, 40))
    assert set(found.origins[found.rows.frames < 31].tolist()) == {Origin.SMOOTHED}
    assert set(found.rows.class_ids.tolist()) == {2}


@pytest.mark.parametrize(("absent", "interpolated"), [(16, True), (18, False)])
def test_a_gap_of_more_than_0_7_seconds_is_not_interpolated(
    absent: int, interpolated: bool
) -> None:
    frames = [*range(1, 31), *range(31 + absent, 80)]
    found = refined(result(frames, 4.0 * np.array(frames)), np.arange(1, 80), RATE)
    assert (len(found.rows) == 79) == interpolated
    assert (Origin.INTERPOLATED in found.origins) == interpolated


def test_frames_that_were_not_tracked_are_not_interpolated() -> None:
    frames = list(range(1, 60, 3))
    found = refined(result(frames, np.array(frames, float)), np.array(frames), RATE)
    assert found.rows.frames.tolist() == frames


def test_smoothing_halves_jitter_and_keeps_the_path() -> None:
    random, frames = np.random.default_rng(0), np.arange(1, 201)
    path = 300 + 200 * np.sin(frames / 40)
    shaking = path + random.normal(0, 4, 200)
    found = refined(result(frames.tolist(), shaking), frames, RATE).rows.boxes_xyxy[:, 0]
    assert np.std(found - path) < 0.5 * np.std(shaking - path)


def test_predicted_boxes_are_left_out_and_no_tracks_give_no_rows() -> None:
    tracked = result([1, 2, 3], np.zeros(3))
    tracked.origins[1] = Origin.PREDICTED
    found = refined(tracked, np.array([1, 3]), RATE)
    assert found.rows.frames.tolist() == [1, 3]
    assert len(refined(MotResult.of([]), np.arange(1, 5), RATE).rows) == 0


def test_tracks_are_refined_independently() -> None:
    one, other = result([1, 2, 5], np.zeros(3)), result([2, 3], np.full(2, 500.0), identity=7)
    both = MotResult(
        MotRows(*(np.concatenate([getattr(r.rows, name) for r in (one, other)]) for name in NAMES)),
        np.full(5, Origin.TRACKED),
    )
    rows = refined(both, np.arange(1, 6), RATE).rows
    assert list(zip(rows.frames.tolist(), rows.ids.tolist(), strict=True)) == [
        (1, 1),
        (2, 1),
        (2, 7),
        (3, 1),
        (3, 7),
        (4, 1),
        (5, 1),
    ]
    assert rows.boxes_xyxy[:, 0].tolist() == pytest.approx([0, 0, 500, 0, 500, 0, 0])


NAMES = ("frames", "ids", "boxes_xyxy", "scores", "class_ids")


def test_refinement_improves_hota_on_real_tracks(data: Path) -> None:
    for name, rate in (("TUD-Campus", 25.0), ("KITTI-17", 10.0)):
        folder = data / "mot15" / name
        detections = read_mot(folder / "det" / "det.txt", with_classes=False)
        truth = read_mot(folder / "gt" / "gt.txt", with_classes=False)
        frames = np.arange(1, detections.last_frame + 1)
        found = MotResult.of(track(make_tracker("lane"), detections, frames, rate))
        better = refined(found, frames, rate)
        before, after = (evaluate(truth, r.rows, "mot15")[0].hota.hota for r in (found, better))
        assert after > before + 0.01
