"""How boxes move that turn sharply at times, measured by a detector that says how sure it is."""

from __future__ import annotations

import numpy as np

from detector.detections import Float32Array, Int64Array
from trackers.base import kalman
from trackers.base.assignment import FloatArray
from trackers.base.box_motion import (
    POSITION,
    VELOCITY,
    BoolArray,
    Seconds,
    WidthHeight,
    centre_and_sides,
)
from trackers.base.kalman import Float64Array, KalmanState, Noise

STEADINESS = np.array([[1.25], [1.25], [2.75], [2.75]])  # divides BoT-SORT's noise of velocities
DAMPING = 0.25  # share of its velocity that a lost track loses per second, at first
SURE_STD, UNSURE_STD = 0.007, 0.15  # of a box's size: at score 1, and what a score of 0 adds
ADAPTATION = 0.1  # how fast the noise of a track follows its innovations, per match
EXPECTED_SURPRISE = 1.25
MIN_AGILITY, MAX_AGILITY = -0.85, 1.5  # natural logarithms of the factor of the process noise


class AgileWidthHeight(WidthHeight):
    """Centre, width and height, with noise that depends on the detection and on the track.

    - Measurement noise grows as the score falls (Du et al. 2023, "StrongSORT", IEEE TMM, section
      3.3, NSA Kalman filter; here linearly, and in proportion to the box's size).
    - Process noise has a factor for each track, its agility, which grows while detections are
      farther from predictions than expected and shrinks while they are nearer (adaptation by the
      normalised innovation squared: Bar-Shalom, Li and Kirubarajan 2001, "Estimation with
      Applications to Tracking and Navigation", sections 5.4 and 11.6).
    - The velocity of a track that is not seen decays.
    """

    def __init__(self) -> None:
        super().__init__(steadiness=1.0)

    def predict(
        self, state: KalmanState, seconds: Seconds, seen: BoolArray, agility: FloatArray | float = 0
    ) -> KalmanState:
        """See Motion.

        agility: logarithm of the factor of the process noise, for all tracks or (n,) one for each
        """
        planes = state.planes.copy()
        planes[1, 2:] *= planes[0, 2:] + seconds * kalman.STEPS_PER_SECOND * planes[1, 2:] > 1
        planes[1] *= np.where(seen, 1.0, np.exp(-DAMPING * seconds))
        size = self._size(planes[0]) * np.exp(agility)
        noise = Noise(POSITION * size, VELOCITY / STEADINESS * size)
        return kalman.predict(KalmanState(planes), seconds, noise)

    def corrected(
        self, state: KalmanState, rows: Int64Array, boxes_xyxy: Float32Array, scores: FloatArray
    ) -> tuple[KalmanState, Float64Array]:
        """Return the state after the tracks in `rows` (m,) were matched, and (m,) surprises.

        scores: (m,), of the matched detections
        A surprise is the mean over the four coordinates of the squared distance between detection
        and prediction, as a multiple of the expected one.
        """
        coordinates = centre_and_sides(boxes_xyxy)
        std = (SURE_STD + UNSURE_STD * (1.0 - scores)) * self._size(state.position[:, rows])
        corrected, distances = kalman.correct_and_compare(state, rows, coordinates, std)
        return corrected, distances.mean(axis=0)


def adapted(agility: Float64Array, surprise: Float64Array) -> Float64Array:
    """Return the agility of tracks (m,) after a match with this surprise."""
    step = (surprise - EXPECTED_SURPRISE) / (surprise + EXPECTED_SURPRISE)
    return np.clip(agility + ADAPTATION * step, MIN_AGILITY, MAX_AGILITY)
