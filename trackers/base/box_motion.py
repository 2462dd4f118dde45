"""Models of the motion of boxes for the Kalman filter: constant velocity of four coordinates.

The models differ in the coordinates that describe a box, and in the noise: of position and velocity
per step of 1/30 s, and of a detection.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.detections import Float32Array, Int64Array
from trackers.base import kalman
from trackers.base.kalman import Float64Array, KalmanState, Noise
from trackers.tracks import Affine

BoolArray = NDArray[np.bool_]

Seconds = float | Float64Array  # one value for all tracks, or (n,) one for each

POSITION = 1 / 20  # of the box's size: DeepSORT's value, also used by ByteTrack and BoT-SORT
VELOCITY = 1 / 160  # of the size, per step of 1/30 s
_SIDES = np.array([2, 3, 2, 3])  # noise of x and width is relative to width; of y, height to height


class Motion(Protocol):
    """A model of motion: how it describes a box, and its noise."""

    def start(self, boxes_xyxy: Float32Array) -> KalmanState:
        """Return the state of new tracks at the (n, 4) boxes, at rest, with a large uncertainty."""

    def predict(self, state: KalmanState, seconds: Seconds, seen: BoolArray) -> KalmanState:
        """Return the state `seconds` later; `seen` (n,): matched in the previous frame."""

    def correct(
        self, state: KalmanState, rows: Int64Array, boxes_xyxy: Float32Array
    ) -> KalmanState:
        """Return the state after the tracks in `rows` (m,) were matched to the (m, 4) boxes."""

    def boxes_xyxy(self, state: KalmanState) -> Float32Array:
        """Return the (n, 4) boxes of all tracks."""

    def moved(self, state: KalmanState, camera: Affine) -> KalmanState:
        """Return the state in the coordinates of the new frame, after the camera moved."""


class AspectHeight:
    """Centre, aspect ratio and height, with noise relative to the height.

    The constants are DeepSORT's (Wojke et al. 2017, section 2.1, and its published parameters),
    also used by ByteTrack. While a track is not seen, its height stays constant.
    """

    _ASPECT_START, _ASPECT_STEP, _ASPECT_VELOCITY, _ASPECT_MEASURED = 1e-2, 1e-2, 1e-5, 1e-1

    def start(self, boxes_xyxy: Float32Array) -> KalmanState:
        """See Motion."""
        measured = centre_and_sides(boxes_xyxy)
        measured[2] /= measured[3]
        height = measured[3]
        noise = Noise(
            self._std(2 * POSITION * height, self._ASPECT_START),
            self._std(10 * VELOCITY * height, self._ASPECT_VELOCITY),
        )
        return kalman.start(measured, noise)

    def predict(self, state: KalmanState, seconds: Seconds, seen: BoolArray) -> KalmanState:
        """See Motion."""
        planes = state.planes.copy()
        planes[1, 3] *= seen
        height = planes[0, 3]
        noise = Noise(
            self._std(POSITION * height, self._ASPECT_STEP),
            self._std(VELOCITY * height, self._ASPECT_VELOCITY),
        )
        return kalman.predict(KalmanState(planes), seconds, noise)

    def correct(
        self, state: KalmanState, rows: Int64Array, boxes_xyxy: Float32Array
    ) -> KalmanState:
        """See Motion."""
        measured = centre_and_sides(boxes_xyxy)
        measured[2] /= measured[3]
        std = self._std(POSITION * state.position[3, rows], self._ASPECT_MEASURED)
        return kalman.correct(state, rows, measured, std)

    def boxes_xyxy(self, state: KalmanState) -> Float32Array:
        """See Motion."""
        sizes = state.position[2:].copy()
        sizes[0] *= sizes[1]
        return _boxes(state.position[:2], sizes)

    def moved(self, state: KalmanState, camera: Affine) -> KalmanState:
        """See Motion."""
        return _moved(state, camera, powers=(0, 1))

    @staticmethod
    def _std(std_of_others: Float64Array, std_of_aspect: float) -> Float64Array:
        """Return (4, n) standard deviations; that of the aspect ratio is the same for all boxes."""
        std = np.empty((4, len(std_of_others)))
        std[:] = std_of_others
        std[2] = std_of_aspect
        return std


class WidthHeight:
    """Centre, width and height, with noise relative to width and height.

    The constants are BoT-SORT's (Aharon et al. 2022, section 3.1), with process noise divided by
    `steadiness`: the larger it is, the less a velocity is expected to change.
    """

    def __init__(self, steadiness: float) -> None:
        self._step = POSITION / steadiness
        self._step_velocity = VELOCITY / steadiness

    def start(self, boxes_xyxy: Float32Array) -> KalmanState:
        """See Motion."""
        measured = centre_and_sides(boxes_xyxy)
        size = self._size(measured)
        return kalman.start(measured, Noise(2 * POSITION * size, 10 * VELOCITY * size))

    def predict(self, state: KalmanState, seconds: Seconds, seen: BoolArray) -> KalmanState:
        """See Motion. A side that would shrink below a pixel stays constant."""
        planes = state.planes.copy()
        planes[1, 2:] *= planes[0, 2:] + seconds * kalman.STEPS_PER_SECOND * planes[1, 2:] > 1
        size = self._size(planes[0])
        noise = Noise(self._step * size, self._step_velocity * size)
        return kalman.predict(KalmanState(planes), seconds, noise)

    def correct(
        self, state: KalmanState, rows: Int64Array, boxes_xyxy: Float32Array
    ) -> KalmanState:
        """See Motion."""
        std = POSITION * self._size(state.position[:, rows])
        return kalman.correct(state, rows, centre_and_sides(boxes_xyxy), std)

    def boxes_xyxy(self, state: KalmanState) -> Float32Array:
        """See Motion."""
        return _boxes(state.position[:2], state.position[2:])

    def moved(self, state: KalmanState, camera: Affine) -> KalmanState:
        """See Motion."""
        return _moved(state, camera, powers=(1, 1))

    @staticmethod
    def _size(position: Float64Array) -> Float64Array:
        """Return (4, n) width, height, width, height."""
        return position.take(_SIDES, axis=0)


class AreaAspect:
    """Centre, area and aspect ratio, with noise in pixels. The aspect ratio has no velocity.

    The constants are SORT's (Bewley et al. 2016, section 3.2, and its published parameters), also
    used by OC-SORT.
    """

    _START = np.sqrt([[10.0], [10.0], [10.0], [10.0]])
    _START_VELOCITY = np.array([[100.0], [100.0], [100.0], [0.0]])
    _STEP = np.ones((4, 1))
    _STEP_VELOCITY = np.array([[0.1], [0.1], [0.01], [0.0]])
    _MEASURED = np.sqrt([[1.0], [1.0], [10.0], [10.0]])

    def start(self, boxes_xyxy: Float32Array) -> KalmanState:
        """See Motion."""
        ones = np.ones(len(boxes_xyxy))
        noise = Noise(self._START * ones, self._START_VELOCITY * ones)
        return kalman.start(self._measured(boxes_xyxy), noise)

    def predict(self, state: KalmanState, seconds: Seconds, seen: BoolArray) -> KalmanState:
        """See Motion. An area that would shrink to nothing stays constant."""
        steps = seconds * kalman.STEPS_PER_SECOND
        planes = state.planes.copy()
        planes[1, 2] *= planes[0, 2] + steps * planes[1, 2] > 0
        return kalman.predict(KalmanState(planes), seconds, Noise(self._STEP, self._STEP_VELOCITY))

    def correct(
        self, state: KalmanState, rows: Int64Array, boxes_xyxy: Float32Array
    ) -> KalmanState:
        """See Motion."""
        return kalman.correct(state, rows, self._measured(boxes_xyxy), self._MEASURED)

    def boxes_xyxy(self, state: KalmanState) -> Float32Array:
        """See Motion."""
        area, aspect = state.position[2:]
        width = np.sqrt(area * aspect)
        return _boxes(state.position[:2], np.array((width, area / width)))

    def moved(self, state: KalmanState, camera: Affine) -> KalmanState:
        """See Motion."""
        return _moved(state, camera, powers=(2, 0))

    @staticmethod
    def _measured(boxes_xyxy: Float32Array) -> Float64Array:
        measured = centre_and_sides(boxes_xyxy)
        width, height = measured[2:].copy()
        measured[2], measured[3] = width * height, width / height
        return measured


def centre_and_sides(boxes_xyxy: Float32Array) -> Float64Array:
    """Return (4, n) centre x, centre y, width, height."""
    planes = boxes_xyxy.T.astype(np.float64, order="C")
    corner, opposite = planes[:2], planes[2:]
    return np.concatenate(((corner + opposite) * 0.5, opposite - corner))


def _boxes(centre: Float64Array, sizes: Float64Array) -> Float32Array:
    """Return (n, 4) boxes from (2, n) centres, and (2, n) widths and heights."""
    half = sizes * 0.5
    boxes: Float32Array = np.concatenate((centre - half, centre + half), dtype=np.float32).T
    return boxes


def _moved(state: KalmanState, camera: Affine, powers: tuple[int, int]) -> KalmanState:
    """Return the state with centre and velocity mapped by `camera`, sizes by its mean scale.

    powers: exponents of the scale for the third and the fourth coordinate
    Variances are scaled, but not rotated: a camera hardly rolls, and x and y are about equally
    uncertain.
    """
    linear = camera[:, :2]
    scale = np.sqrt(abs(np.linalg.det(linear)))
    factors = np.array([[scale], [scale], [scale ** powers[0]], [scale ** powers[1]]])
    planes = state.planes.copy()
    planes[0, :2] = linear @ planes[0, :2] + camera[:, 2:]
    planes[1, :2] = linear @ planes[1, :2]
    planes[:2, 2:] *= factors[2:]
    planes[2:] *= np.square(factors)
    return KalmanState(planes)
