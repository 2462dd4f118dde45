"""A constant-velocity Kalman filter over all tracks at once, for any elapsed time.

The usual filter has eight dimensions: four coordinates of a box and their velocities. Its noise is
diagonal and a velocity moves only its own coordinate, so coordinates never become correlated: the
8 x 8 covariance is four 2 x 2 blocks, and the whole filter is a few elementwise operations on
planes.

Time is counted in steps of 1/30 s, because the usual noise constants are per frame of 30 fps video.
For any other time, noise grows by the polynomial that equals the sum over whole steps: one
prediction over two steps equals two predictions over one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array

Float64Array = NDArray[np.float64]

STEPS_PER_SECOND = 30


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of four coordinates and of their velocities per step.

    position, velocity: (4, n), or (4, 1) if they are the same for all tracks
    """

    position: Float64Array
    velocity: Float64Array


@dataclass(frozen=True, slots=True)
class KalmanState:
    """The state estimate of n tracks.

    planes: (5, 4, n) float64: position, velocity per step, variance of position, covariance of the
        two, and variance of velocity, for each of the four coordinates of each track
    """

    planes: Float64Array

    def __post_init__(self) -> None:
        assert self.planes.shape[:2] == (5, 4) and self.planes.dtype == np.float64, self

    def __len__(self) -> int:
        return int(self.planes.shape[2])

    def __repr__(self) -> str:
        return f"KalmanState(n={len(self)})"

    def __getitem__(self, chosen: NDArray[np.bool_] | Int64Array) -> KalmanState:
        """Return the chosen tracks, by mask or positions."""
        return KalmanState(self.planes[:, :, chosen])

    def joined_with(self, others: KalmanState) -> KalmanState:
        """Return these tracks, followed by the others."""
        return KalmanState(np.concatenate((self.planes, others.planes), axis=2))

    @property
    def position(self) -> Float64Array:
        """(4, n), the four coordinates of each track."""
        position: Float64Array = self.planes[0]
        return position


def start(measured: Float64Array, noise: Noise) -> KalmanState:
    """Return the state of new tracks at the `measured` (4, n) coordinates, at rest."""
    planes = np.zeros((5, *measured.shape))
    planes[0] = measured
    np.square(noise.position, out=planes[2])
    np.square(noise.velocity, out=planes[4])
    return KalmanState(planes)


def predict(state: KalmanState, seconds: float | Float64Array, noise: Noise) -> KalmanState:
    """Return the state `seconds` later, with the `noise` that each step of 1/30 s adds.

    seconds: of all tracks, or (n,) of each
    """
    steps = seconds * STEPS_PER_SECOND
    planes = state.planes.copy()
    position, velocity, variance, covariance, velocity_variance = planes
    drift = np.square(noise.velocity)  # the noise of a step moves the position in every later one
    sum_of_squares = steps * (steps - 1) * (2 * steps - 1) / 6  # 0 + 1 + 4 + ... of whole steps
    spread = steps * velocity_variance
    position += steps * velocity  # in this order, each line reads planes not yet updated
    variance += steps * (2.0 * covariance + spread)
    variance += steps * np.square(noise.position)
    variance += sum_of_squares * drift
    covariance += spread
    covariance += steps * (steps - 1) / 2 * drift
    velocity_variance += steps * drift
    return KalmanState(planes)


def correct(
    state: KalmanState, rows: Int64Array, measured: Float64Array, measured_std: Float64Array
) -> KalmanState:
    """Return the state after the tracks in `rows` (m,) were measured.

    measured, measured_std: (4, m), coordinates and their standard deviations; these may be (4, 1)
    """
    return correct_and_compare(state, rows, measured, measured_std)[0]


def correct_and_compare(
    state: KalmanState, rows: Int64Array, measured: Float64Array, measured_std: Float64Array
) -> tuple[KalmanState, Float64Array]:
    """Return the state as `correct` does, and how far from it the tracks in `rows` were measured.

    The latter is (4, m), squared distances relative to their expectation: 1 on average if the noise
    is what it is said to be.
    """
    chosen = state.planes.take(rows, axis=2)
    means, covariances = chosen[:2], chosen[2:4]  # of position, and of velocity with position
    total = covariances[0] + np.square(measured_std)
    innovation = measured - means[0]
    gains = covariances / total
    means += gains * innovation
    chosen[4] -= gains[1] * covariances[1]
    covariances *= 1 - gains[0]
    planes = state.planes.copy()
    planes[:, :, rows] = chosen
    return KalmanState(planes), np.square(innovation) / total
