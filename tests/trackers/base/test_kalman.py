"""The filter on planes equals the filter on 8 x 8 matrices, for any elapsed time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import Float32Array
from tests.support.bytetrack_twin import MatrixFilter, measured
from tests.support.sort_filter import SortFilter
from trackers.base import kalman
from trackers.base.box_motion import AreaAspect, AspectHeight, Motion, WidthHeight
from trackers.base.kalman import KalmanState, Noise

MOTIONS: tuple[Motion, ...] = (AspectHeight(), AreaAspect(), WidthHeight(2.0))
every_motion = pytest.mark.parametrize("motion", MOTIONS, ids=lambda motion: type(motion).__name__)


def random_boxes(seed: int, count: int) -> Float32Array:
    random = np.random.default_rng(seed)
    corners = random.uniform(-50, 1900, (count, 2))
    return np.hstack((corners, corners + random.uniform(5, 400, (count, 2)))).astype(np.float32)


def as_matrices(state: KalmanState, track: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean (8,) and covariance (8, 8) of one track."""
    position, velocity, variance, covariance, velocity_variance = state.planes[:, :, track]
    blocks = np.block(
        [
            [np.diag(variance), np.diag(covariance)],
            [np.diag(covariance), np.diag(velocity_variance)],
        ]
    )
    return np.concatenate((position, velocity)), blocks


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.lists(st.integers(0, 9), min_size=1, max_size=8),
)
def test_the_filter_of_all_tracks_equals_one_matrix_filter_per_track(
    seed: int, count: int, pauses: list[int]
) -> None:
    random = np.random.default_rng(seed)
    boxes = random_boxes(seed, count)
    state = AspectHeight().start(boxes)
    references = [MatrixFilter(measured(box)) for box in boxes.tolist()]
    for steps in pauses:
        state = AspectHeight().predict(state, steps / 30, seen=np.ones(count, bool))
        seen = np.flatnonzero(random.random(count) < 0.7)
        boxes = boxes + random.normal(0, 5, (count, 1)).astype(np.float32)
        state = AspectHeight().correct(state, seen, boxes[seen])
        for one in references:
            one.predict(steps)
        for track in seen.tolist():
            references[track].correct(measured(boxes[track].tolist()))
    for track, one in enumerate(references):
        mean, covariance = as_matrices(state, track)
        np.testing.assert_allclose(mean, one.mean, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(covariance, one.covariance, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_filter_of_areas_equals_that_of_sort(seed: int) -> None:
    random = np.random.default_rng(seed)
    box = random_boxes(seed, 1)
    box[:, 2:] = (
        box[:, :2] + 200 + 0.1 * (box[:, 2:] - box[:, :2])
    )  # so that no box shrinks to nothing
    motion, one = AreaAspect(), SortFilter(box[0].tolist())
    state = motion.start(box)
    for _ in range(8):
        steps = int(random.integers(1, 4))
        state = motion.predict(state, steps / 30, seen=np.ones(1, bool))
        for _ in range(steps):
            one.predict()
        box = box + random.normal(0, 3, 4).astype(np.float32)
        state = motion.correct(state, np.array([0]), box)
        one.correct(box[0].tolist())
    mean, covariance = as_matrices(state, 0)
    np.testing.assert_allclose(mean[:7], one.mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(covariance[:7, :7], one.covariance, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(motion.boxes_xyxy(state), box, atol=12)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3), st.floats(0, 3))
def test_a_prediction_in_two_parts_equals_one_over_the_whole_time(
    seed: int, first: float, second: float
) -> None:
    random = np.random.default_rng(seed)
    noise = Noise(random.uniform(1, 9, (4, 3)), random.uniform(0.01, 1, (4, 3)))
    state = KalmanState(random.uniform(1, 100, (5, 4, 3)))
    in_parts = kalman.predict(kalman.predict(state, first, noise), second, noise)
    at_once = kalman.predict(state, first + second, noise)
    np.testing.assert_allclose(in_parts.planes, at_once.planes, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("motion", MOTIONS, ids=lambda motion: type(motion).__name__)
@pytest.mark.parametrize("rate", [7, 12.5, 24, 29.97, 60, 240])
def test_the_estimated_velocity_is_right_at_any_frame_rate(motion: Motion, rate: float) -> None:
    speed = np.array([120.0, -45.0])  # pixels per second
    start = np.array([300.0, 200.0])
    state = motion.start(np.array([[*start, *(start + 80)]], np.float32))
    for k in range(1, int(3 * rate)):
        corner = start + speed * k / rate
        state = motion.predict(state, 1 / rate, seen=np.ones(1, bool))
        box = np.array([[*corner, *(corner + 80)]], np.float32)
        state = motion.correct(state, np.array([0]), box)
    np.testing.assert_allclose(state.planes[1, :2, 0] * 30, speed, rtol=0.02)
    ahead = motion.boxes_xyxy(motion.predict(state, 0.5, seen=np.ones(1, bool)))
    np.testing.assert_allclose(ahead[0, :2], corner + speed / 2, atol=3)


def test_the_height_of_a_track_that_is_not_seen_stays_constant_from_then_on() -> None:
    state = AspectHeight().start(random_boxes(1, 2))
    state.planes[1, 3] = 4.0  # pixels per step
    heights = state.position[3].copy()
    state = AspectHeight().predict(state, 0.5, seen=np.array([True, False]))
    np.testing.assert_allclose(state.position[3] - heights, [60, 0], atol=1e-9)
    state = AspectHeight().predict(state, 0.5, seen=np.array([True, True]))
    np.testing.assert_allclose(state.position[3] - heights, [120, 0], atol=1e-9)


def test_a_prediction_over_no_time_changes_nothing() -> None:
    state = AspectHeight().start(random_boxes(2, 3))
    later = AspectHeight().predict(state, 0.0, seen=np.ones(3, bool))
    assert (later.planes == state.planes).all()


@every_motion
def test_the_boxes_of_a_new_state_are_those_it_was_made_from(motion: Motion) -> None:
    boxes = random_boxes(3, 20)
    np.testing.assert_allclose(motion.boxes_xyxy(motion.start(boxes)), boxes, atol=1e-3)


@every_motion
def test_camera_motion_and_zoom_transform_boxes_and_velocities(motion: Motion) -> None:
    boxes = random_boxes(4, 5)
    state = motion.start(boxes)
    state.planes[1, :2] = [[3.0], [-1.0]]
    camera = np.array([[2.0, 0.0, 30.0], [0.0, 2.0, -10.0]])
    moved = motion.moved(state, camera)
    expected = boxes * 2 + np.array([30, -10, 30, -10])
    np.testing.assert_allclose(motion.boxes_xyxy(moved), expected, rtol=1e-5, atol=1e-2)
    np.testing.assert_allclose(moved.planes[1, :2], np.full((5, 2), [6.0, -2.0]).T)
    np.testing.assert_allclose(moved.planes[2:, :2], 4 * state.planes[2:, :2])


@pytest.mark.parametrize("motion", MOTIONS[1:], ids=lambda motion: type(motion).__name__)
def test_a_shrinking_box_keeps_a_positive_size(motion: Motion) -> None:
    state = motion.start(random_boxes(5, 6))
    state.planes[1, 2:] = -state.planes[0, 2:] / 10  # size 0 after ten steps at this velocity
    if isinstance(motion, AreaAspect):
        state.planes[1, 3] = 0
    for seconds in (0.1, 0.2, 0.5, 1.0):
        state = motion.predict(state, seconds, seen=np.ones(6, bool))
        left, top, right, bottom = motion.boxes_xyxy(state).T
        assert (right > left).all() and (bottom > top).all()


def test_a_filter_without_tracks_works() -> None:
    no_boxes = np.zeros((0, 4), np.float32)
    state = AspectHeight().predict(AspectHeight().start(no_boxes), 0.1, seen=np.zeros(0, bool))
    state = AspectHeight().correct(state, np.zeros(0, np.int64), no_boxes)
    assert AspectHeight().boxes_xyxy(state).shape == (0, 4)
