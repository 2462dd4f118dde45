"""Finished tracks are interpolated and smoothed, and their boxes are marked."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Int64Array
from trackers.motchallenge.text import MotResult, MotRows, Origin
from trackers.refinement.smoothing import smoothed
from trackers.refinement.tracklets import Tracklets

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


def refined(result: MotResult, frames: Int64Array, frame_rate: float) -> MotResult:
    """Return tracks of which none is joined, smoothed."""
    return smoothed(Tracklets(result, result.rows.ids), frames, frames / frame_rate)


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


def test_no_tracks_give_no_rows() -> None:
    assert len(refined(MotResult.of([]), np.arange(1, 5), RATE).rows) == 0


def test_a_gap_between_two_tracks_that_were_joined_is_filled_however_long_and_marked() -> None:
    frames = [*range(1, 11), *range(41, 51)]
    joined = result(frames, 4.0 * np.array(frames))
    parts = np.repeat([1, 2], 10)
    found = smoothed(Tracklets(joined, parts), np.arange(1, 51), np.arange(1, 51) / RATE)
    assert found.rows.frames[found.origins == Origin.LINKED].tolist() == list(range(11, 41))
    np.testing.assert_allclose(found.rows.boxes_xyxy[:, 0], 4.0 * np.arange(1, 51), atol=1e-6)


def test_frames_at_irregular_times_are_interpolated_by_time() -> None:
    seconds = np.array([0.0, 0.1, 0.2, 0.5, 0.6, 0.7])
    frames = np.arange(1, 7)
    tracked = result([1, 2, 3, 5, 6], 100 * seconds[[0, 1, 2, 4, 5]])
    found = smoothed(Tracklets(tracked, tracked.rows.ids), frames, seconds)
    np.testing.assert_allclose(found.rows.boxes_xyxy[:, 0], 100 * seconds, atol=1e-6)


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
