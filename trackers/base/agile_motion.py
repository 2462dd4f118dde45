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

STEADINESS = 1.2  # divides BoT-SORT's noise of positions
VELOCITY_STEADINESS = np.array([[1.25], [1.25], [4.0], [4.0]])  # and its noise of velocities
STEP, VELOCITY_STEP = POSITION / STEADINESS, VELOCITY / VELOCITY_STEADINESS
DAMPING = 0.25  # share of its velocity that a lost track loses per second, at first
SURE_STD, UNSURE_STD = 0.016, 0.137  # of a box's size: at score 1, and what a score of 0 adds
PIXEL_STD = 2.0  # of every detection, however small
ADAPTATION = 0.15  # how fast the noise of a track follows its innovations, per match
EXPECTED_SURPRISE = 1.8
MIN_AGILITY, MAX_AGILITY = -0.85, 1.5  # natural logarithms of the factor of the process noise


class AgileWidthHeight(WidthHeight):
    """Centre, width and height, with noise that depends on the detection and on the track.

    - Measurement noise grows as the score falls (the NSA Kalman filter of StrongSORT, Du et al.
      2023, IEEE TMM, section 3; here in proportion to the box's size, plus some pixels).
    - Process noise has a factor for each track, its agility, which grows while detections are
      farther from predictions than expected and shrinks while they are nearer (adaptation by the
      normalised innovation squared: Bar-Shalom, Li and Kirubarajan 2001, "Estimation with
      Applications to Tracking and Navigation", sections 5.4 and 11.6).
    - The velocity of a track that is not seen decays.

    sure_std, unsure_std, pixel_std, adaptation: see the constants above
    """

    def __init__(
        self,
        *,
        sure_std: float = SURE_STD,
        unsure_std: float = UNSURE_STD,
        pixel_std: float = PIXEL_STD,
        adaptation: float = ADAPTATION,
    ) -> None:
        super().__init__(steadiness=1.0)
        self._sure_std = sure_std
        self._unsure_std = unsure_std
        self._pixel_std = pixel_std
        self._adaptation = adaptation

    def predict(
        self, state: KalmanState, seconds: Seconds, seen: BoolArray, agility: FloatArray | float = 0
    ) -> KalmanState:
        """See Motion.

        agility: logarithm of the factor of the process noise, for all tracks or (n,) one for each
        """
        planes = state.planes.copy()
        planes[1, 2:] *= planes[0, 2:] + seconds * kalman.STEPS_PER_SECOND * planes[1, 2:] > 1
        planes[1] *= np.maximum(seen, np.exp(-DAMPING * seconds))
        size = self._size(planes[0]) * np.exp(agility)
        noise = Noise(STEP * size, VELOCITY_STEP * size)
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
        relative = self._sure_std + self._unsure_std - self._unsure_std * scores
        std = np.hypot(relative * self._size(state.position.take(rows, axis=1)), self._pixel_std)
        corrected, distances = kalman.correct_and_compare(state, rows, coordinates, std)
        return corrected, distances.sum(axis=0) / len(distances)

    def adapted(self, agility: Float64Array, surprise: Float64Array) -> Float64Array:
        """Return the agility of tracks (m,) after a match with this surprise."""
        step = (surprise - EXPECTED_SURPRISE) / (surprise + EXPECTED_SURPRISE)
        agility = np.maximum(agility + self._adaptation * step, MIN_AGILITY)
        return np.minimum(agility, MAX_AGILITY)
