"""Camera motion is read from a file, composed over skipped frames, and used by trackers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.errors import UsageError
from trackers import TRACKERS, make_tracker
from trackers.motchallenge.camera_path import read_camera
from trackers.motchallenge.run import track
from trackers.motchallenge.text import MotRows

LINES = "0 1 0 0 0 1 0\n1, 1.0, 0.0, 5.5, 0.0, 1.0, -2\n2\t0.5\t0\t3\t0\t0.5\t4\n"


def test_the_motion_over_several_frames_is_the_product_of_its_steps(tmp_path: Path) -> None:
    path = tmp_path / "camera.txt"
    path.write_text(LINES)
    camera = read_camera(path)
    np.testing.assert_allclose(camera.between(0, 1), np.array([[1, 0, 5.5], [0, 1, -2]]))
    point = np.array([10.0, 20.0, 1.0])
    after_one = [10 + 5.5, 20 - 2]
    after_both = [0.5 * after_one[0] + 3, 0.5 * after_one[1] + 4]
    np.testing.assert_allclose(camera.between(0, 2) @ point, after_both)
    np.testing.assert_allclose(
        camera.between(0, 9) @ point, after_both
    )  # it stands still after frame 2
    np.testing.assert_allclose(camera.between(2, 2), np.eye(2, 3))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("3 1 0 0 0 1", "7 numbers"),
        ("-1 1 0 0 0 1 0", "column 1"),
        ("2 1 0 0 0 1 0", "an earlier line has frame 2 already"),
        ("3 1 0 0 2 0 0", "the affine of frame 3 cannot be inverted"),
    ],
)
def test_an_error_names_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "camera.txt"
    path.write_text(LINES + line)
    with pytest.raises(UsageError, match=rf"camera\.txt:4: .*{said}"):
        read_camera(path)


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize("keep_every", [1, 2])
def test_with_known_motion_a_shaking_camera_changes_no_identity(
    tmp_path: Path, name: str, keep_every: int
) -> None:
    """Four people walk; the image jumps by more than their width, rotates and zooms."""
    random = np.random.default_rng(3)
    steps = [
        [[1 + z, -r, dx], [r, 1 + z, dy]]
        for z, r, dx, dy in random.uniform(-1, 1, (40, 4)) * [0.01, 0.01, 90, 60]
    ]
    numbers = (" ".join(map(str, np.ravel(step))) for step in steps)
    path = tmp_path / "camera.txt"
    path.write_text("".join(f"{k} {six}\n" for k, six in enumerate(numbers)))
    rows = seen_through(np.array(steps))
    frames = np.arange(1, 41, keep_every)
    with_motion = list(track(make_tracker(name), rows, frames, 25.0, read_camera(path)))
    assert {tuple(tracks.confirmed.ids.tolist()) for _, tracks in with_motion[3:]} == {(1, 2, 3, 4)}
    without = list(track(make_tracker(name), rows, frames, 25.0))
    assert max(tracks.ids.max(initial=0) for _, tracks in without) > 4 or not len(
        without[-1][1].confirmed
    )


def seen_through(steps: np.ndarray) -> MotRows:
    """Return detections of four people by a camera that moves by `steps` from frame to frame."""
    total, boxes = np.eye(3), []
    for k, step in enumerate(steps):
        if k:
            total[:2] = step @ total
        feet = np.array([[100 + 4 * k, 100], [400, 120 + 2 * k], [700, 150], [900 - 3 * k, 90]])
        centre = np.hstack((feet, np.ones((4, 1)))) @ total[:2].T
        half = np.array([20, 50]) * np.sqrt(np.linalg.det(total[:2, :2]))
        boxes.append(np.hstack((centre - half, centre + half)))
    n = 4 * len(steps)
    return MotRows(
        np.arange(1, len(steps) + 1).repeat(4),
        np.full(n, -1),
        np.concatenate(boxes),
        np.full(n, 0.9),
        np.zeros(n, np.int64),
    )
