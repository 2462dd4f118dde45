"""How the camera moved through a sequence, as files say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.errors import UsageError
from trackers.motchallenge.text import read_numbers
from trackers.tracks import Affine


@dataclass(frozen=True, slots=True)
class CameraPath:
    """The motion of a camera through a sequence: from each frame's picture before onto it.

    steps: by frame from 0, the (2, 3) affine from the frame before; a frame that is not named
        stands still
    """

    steps: Mapping[int, Affine]

    def between(self, earlier: int, later: int) -> Affine:
        """Return the affine from one frame onto a later one, through all that lie between."""
        whole = np.eye(3)
        for frame in range(earlier + 1, later + 1):
            if frame in self.steps:
                whole[:2] = self.steps[frame] @ whole
        return whole[:2]


def read_camera(path: Path) -> CameraPath:
    """Return the camera's path from a text: per line the frame from 0, and six numbers of a 2x3.

    The numbers are row by row, with commas or spaces between.
    Raises UsageError, naming file and line, where a line is not as it must be.
    """
    line_numbers, values = read_numbers(path, columns=7, separator=r"\s*,\s*|\s+")
    frames = values[:, 0]
    singular = abs(values[:, 1] * values[:, 5] - values[:, 2] * values[:, 4]) < 1e-6
    for wrong, rule in (
        ((frames < 0) | (frames != np.rint(frames)), "column 1, the frame, is whole, from 0"),
        (_again(frames), "a frame has one line"),
        (singular, "the motion must not squeeze the picture to a line"),
    ):
        if wrong.any():
            raise UsageError(f"{path}:{line_numbers[wrong.argmax()]}: {rule}")
    return CameraPath(
        dict(zip(frames.astype(int).tolist(), values[:, 1:].reshape(-1, 2, 3), strict=True))
    )


def _again(frames: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which frames were there before."""
    _, first = np.unique(frames, return_index=True)
    again = np.ones(len(frames), bool)
    again[first] = False
    return again
