"""The weights of a network as arrays, with the names of the official checkpoints. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.yolov7.description import Description
from detector.yolov7.state_shapes import state_shapes

Array = NDArray[Any]


class WrongWeights(Exception):
    """Arrays that are not those of a network; the message says which."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkWeights:
    """The weights of an unfolded network, in floating point of any width.

    description: of the form that the weights have; width: factor on its channels
    arrays: name -> parameter or buffer. Raises WrongWeights for other names or shapes.
    """

    description: Description
    classes: int
    width: float
    arrays: Mapping[str, Array]

    def __post_init__(self) -> None:
        expected = state_shapes(self.description, self.classes, self.width)
        for name, shape in expected.items():
            if name not in self.arrays:
                raise WrongWeights(f"{name} is missing")
            found = self.arrays[name].shape
            if found != shape:
                raise WrongWeights(f"{name} is {found} instead of {shape}")
        if unknown := self.arrays.keys() - expected.keys():
            raise WrongWeights(f"{min(unknown)} belongs to no layer")

    @property
    def name(self) -> str:
        """The name of the network."""
        return self.description.name

    @property
    def anchors(self) -> NDArray[np.float64]:
        """(layers, anchors, 2): width and height in pixels; a training may have fitted them."""
        head = len(self.description.rows) - 1
        return self.arrays[f"model.{head}.anchor_grid"].astype(np.float64)[:, 0, :, 0, 0, :]

    @property
    def per_cell(self) -> int:
        """Anchors per cell."""
        return len(self.description.anchors[0])
