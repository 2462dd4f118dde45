"""Boxes move in straight lines at constant speed, in whichever coordinates they are described."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Float32Array
from trackers.base.box_motion import AreaAspect, AspectHeight, Motion, WidthHeight
from trackers.base.kalman import KalmanState

MOTIONS: tuple[Motion, ...] = (AspectHeight(), AreaAspect(), WidthHeight(2.0))
every_motion = pytest.mark.parametrize("motion", MOTIONS, ids=lambda motion: type(motion).__name__)
BOXES = np.array([[100, 200, 160, 320], [900, 50, 1100, 90]], np.float32)
INTERVAL = 1 / 30
BOTH = np.array([0, 1])


def followed(motion: Motion, boxes: list[Float32Array]) -> KalmanState:
    """Return the state after two tracks were seen at each of the boxes, 1/30 s apart."""
    state = motion.start(boxes[0])
    for box in boxes[1:]:
        state = motion.predict(state, INTERVAL, seen=np.ones(2, bool))
        state = motion.correct(state, BOTH, box)
    return state


@every_motion
def test_a_new_track_is_where_it_was_detected(motion: Motion) -> None:
    np.testing.assert_allclose(motion.boxes_xyxy(motion.start(BOXES)), BOXES, rtol=1e-5)


@every_motion
def test_a_new_track_is_at_rest(motion: Motion) -> None:
    later = motion.predict(motion.start(BOXES), 1.0, seen=np.ones(2, bool))
    np.testing.assert_allclose(motion.boxes_xyxy(later), BOXES, rtol=1e-5)


@every_motion
def test_a_box_that_moved_steadily_is_predicted_on_its_line(motion: Motion) -> None:
    step = np.array([[4, 2, 4, 2], [-6, 1, -6, 1]], np.float32)
    state = followed(motion, [BOXES + k * step for k in range(40)])
    for steps in (1, 5):
        later = motion.predict(state, steps * INTERVAL, seen=np.ones(2, bool))
        expected = BOXES + (39 + steps) * step
        np.testing.assert_allclose(motion.boxes_xyxy(later), expected, atol=1.5)


@every_motion
def test_only_the_tracks_that_were_matched_are_corrected(motion: Motion) -> None:
    state = motion.predict(motion.start(BOXES), INTERVAL, seen=np.ones(2, bool))
    corrected = motion.boxes_xyxy(motion.correct(state, np.array([1]), BOXES[1:] + 20))
    np.testing.assert_allclose(corrected[0], BOXES[0], rtol=1e-5)
    assert (corrected[1] > BOXES[1] + 1).all()  # drawn towards its detection


@every_motion
def test_the_longer_a_track_is_not_seen_the_less_its_position_is_known(motion: Motion) -> None:
    state = followed(motion, [BOXES] * 5)
    variances = [
        motion.predict(state, seconds, seen=np.ones(2, bool)).planes[2, 0]
        for seconds in (0.1, 0.5, 2.0)
    ]
    assert (np.diff(variances, axis=0) > 0).all()


@every_motion
def test_boxes_follow_a_camera_that_shifts_and_zooms(motion: Motion) -> None:
    """A uniform zoom maps a box to the box of its mapped corners."""
    camera = np.array([[1.25, 0.0, -30.0], [0.0, 1.25, 12.0]])
    moved = motion.boxes_xyxy(motion.moved(motion.start(BOXES), camera))
    corners = BOXES.reshape(-1, 2) @ camera[:, :2].T + camera[:, 2]
    np.testing.assert_allclose(moved, corners.reshape(-1, 4), rtol=1e-5)


@every_motion
def test_a_box_that_shrank_does_not_shrink_to_nothing_while_it_is_hidden(motion: Motion) -> None:
    inward = np.array([2, 2, -2, -2], np.float32)
    state = followed(motion, [BOXES + k * inward for k in range(8)])
    for _ in range(60):
        state = motion.predict(state, INTERVAL, seen=np.zeros(2, bool))
    boxes = motion.boxes_xyxy(state)
    assert np.isfinite(boxes).all() and (boxes[:, 2:] > boxes[:, :2]).all()
