"""The filter of SORT for one box, as matrices: centre, area, aspect ratio, and three velocities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEP = np.eye(7) + np.diag(np.ones(3), 4)
LOOK = np.eye(4, 7)
NOISE = np.diag([1, 1, 1, 1, 0.01, 0.01, 0.0001])
MEASURED = np.diag([1.0, 1.0, 10.0, 10.0])


class SortFilter:
    """A Kalman filter with one step per frame."""

    def __init__(self, box: Sequence[float]) -> None:
        self.mean = np.concatenate((measured(box), np.zeros(3)))
        self.covariance = np.diag([10.0, 10.0, 10.0, 10.0, 1e4, 1e4, 1e4])

    def predict(self) -> None:
        """Predict one step of 1/30 s."""
        self.mean = STEP @ self.mean
        self.covariance = STEP @ self.covariance @ STEP.T + NOISE

    def correct(self, box: Sequence[float]) -> None:
        """Update with a measured box."""
        total = LOOK @ self.covariance @ LOOK.T + MEASURED
        gain = self.covariance @ LOOK.T @ np.linalg.inv(total)
        self.mean = self.mean + gain @ (measured(box) - LOOK @ self.mean)
        self.covariance = self.covariance - gain @ total @ gain.T


def measured(box: Sequence[float]) -> Array:
    """Return centre x, centre y, area, aspect ratio."""
    x0, y0, x1, y1 = map(float, box)
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) * (y1 - y0), (x1 - x0) / (y1 - y0)])
