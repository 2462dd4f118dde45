"""The motion of a camera through a sequence, read from a file."""

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
    """The motion of a camera through a sequence, frame by frame.

    steps: frame number, from 0 -> the (2, 3) affine that maps points of the previous frame to this
        frame; at frames that are not listed the camera stands still
    """

    steps: Mapping[int, Affine]

    def between(self, earlier: int, later: int) -> Affine:
        """Return the affine that maps one frame to a later one: the product of its steps."""
        total = np.eye(3)
        for frame in range(earlier + 1, later + 1):
            if frame in self.steps:
                total[:2] = self.steps[frame] @ total
        return total[:2]


def read_camera(path: Path) -> CameraPath:
    """Return the camera's path from a text file.

    Each line has the frame, from 0, and the six numbers of a 2 x 3 affine, row by row, separated by
    commas or spaces. Raises UsageError, with file and line, for a line that is not accepted.
    """
    line_numbers, values = read_numbers(path, columns=7, separator=r"\s*,\s*|\s+")
    frames = values[:, 0]
    singular = abs(values[:, 1] * values[:, 5] - values[:, 2] * values[:, 4]) < 1e-6
    for wrong, message in (
        (
            (frames < 0) | (frames != np.rint(frames)),
            "{:.15g} given in column 1, the frame: give a whole number from 0",
        ),
        (_repeated(frames), "an earlier line has frame {:.15g} already: give each frame once"),
        (
            singular,
            "the affine of frame {:.15g} cannot be inverted: columns 2, 3, 5 and 6 are singular",
        ),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise UsageError(f"{path}:{line_numbers[row]}: {message.format(frames[row])}")
    return CameraPath(
        dict(zip(frames.astype(int).tolist(), values[:, 1:].reshape(-1, 2, 3), strict=True))
    )


def _repeated(frames: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which frames repeat an earlier one."""
    _, first = np.unique(frames, return_index=True)
    repeated = np.ones(len(frames), bool)
    repeated[first] = False
    return repeated
