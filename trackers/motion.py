"""How boxes move: centre, aspect ratio and height, each with a constant velocity.

The noise is relative to the height of the box, with the constants of DeepSORT (Wojke et al. 2017,
section 2.1, and its published parameters), which ByteTrack kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import Float32Array, Int64Array
from trackers import kalman
from trackers.kalman import Float64Array, KalmanState, Noise

BoolArray = NDArray[np.bool_]

POSITION = 1 / 20  # of the height
VELOCITY = 1 / 160  # of the height, per step of 1/30 s
ASPECT_START, ASPECT_STEP, ASPECT_VELOCITY, ASPECT_MEASURED = 1e-2, 1e-2, 1e-5, 1e-1


def start(boxes_xyxy: Float32Array) -> KalmanState:
    """Return the state of new tracks at the (n, 4) boxes, at rest, which may soon prove wrong."""
    measured = _centre_aspect_height(boxes_xyxy)
    height = measured[3]
    noise = Noise(
        _std(2 * POSITION * height, ASPECT_START), _std(10 * VELOCITY * height, ASPECT_VELOCITY)
    )
    return kalman.start(measured, noise)


def predict(state: KalmanState, seconds: float, growing: BoolArray) -> KalmanState:
    """Return the state `seconds` later; the height of tracks not `growing` (n,) stands still."""
    planes = state.planes.copy()
    planes[1, 3] *= growing
    state = KalmanState(planes)
    height = state.position[3]
    noise = Noise(_std(POSITION * height, ASPECT_STEP), _std(VELOCITY * height, ASPECT_VELOCITY))
    return kalman.predict(state, seconds, noise)


def correct(state: KalmanState, rows: Int64Array, boxes_xyxy: Float32Array) -> KalmanState:
    """Return the state after the tracks in `rows` (m,) were seen at the (m, 4) boxes."""
    std = _std(POSITION * state.position[3, rows], ASPECT_MEASURED)
    return kalman.correct(state, rows, _centre_aspect_height(boxes_xyxy), std)


def boxes_xyxy(state: KalmanState) -> Float32Array:
    """Return the (n, 4) boxes of all tracks."""
    centre, (aspect, height) = state.position[:2], state.position[2:]
    half_size = np.empty_like(centre)
    half_size[1] = height / 2
    half_size[0] = half_size[1] * aspect
    boxes = np.empty((len(state), 4), np.float32)
    boxes[:, :2] = (centre - half_size).T
    boxes[:, 2:] = (centre + half_size).T
    return boxes


def _centre_aspect_height(boxes_xyxy: Float32Array) -> Float64Array:
    """Return (4, n) centre x, centre y, width / height, height."""
    corners = boxes_xyxy.T.astype(np.float64)
    measured = np.empty((4, len(boxes_xyxy)))
    measured[:2] = (corners[:2] + corners[2:]) / 2
    width, measured[3] = corners[2:] - corners[:2]
    measured[2] = width / measured[3]
    return measured


def _std(of_position: Float64Array, of_aspect: float) -> Float64Array:
    """Return (4, n) standard deviations: one for all coordinates but the aspect ratio."""
    std = np.empty((4, len(of_position)))
    std[:] = of_position
    std[2] = of_aspect
    return std
