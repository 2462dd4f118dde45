"""Weights of an untrained network: for models whose speed is measured, and nothing else."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from detector.yolov7.description import Description, read_description
from detector.yolov7.state_shapes import Shape, state_shapes
from detector.yolov7.weights import Array, NetworkWeights

FEW = 4.6  # subtracted from each score before sigmoid, which then is low, as for most of an image


def random_weights(name: str | Path, *, classes: int, width: float, seed: int) -> NetworkWeights:
    """Return weights with which a signal neither fades nor grows (He et al. 2015).

    name: of a file in configs/networks, or the path of such a file; width: factor on its channels
    Raises ModelError for an unknown name, or rows that do not form a network.
    """
    description, random = read_description(name), np.random.default_rng(seed)
    shapes = state_shapes(description, classes, width)
    arrays = {name: _array(name, shape, random) for name, shape in shapes.items()}
    head = f"model.{len(description.rows) - 1}"
    for score in (key for key in shapes if key.startswith(f"{head}.m") and key.endswith("bias")):
        arrays[score] -= FEW
    return NetworkWeights(description, classes, width, arrays | anchor_arrays(description))


def anchor_arrays(description: Description) -> dict[str, Array]:
    """Return the entries of the state dict that hold the described anchors."""
    pixels = np.array(description.anchors, np.float32)
    strides = np.array(description.strides, np.float32)
    head = f"model.{len(description.rows) - 1}"
    return {
        f"{head}.anchors": pixels / strides[:, None, None],
        f"{head}.anchor_grid": pixels[:, None, :, None, None],
    }


def _array(name: str, shape: Shape, random: np.random.Generator) -> Array:
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith((".bias", "running_mean")) or ".ia." in name:
        return np.zeros(shape, np.float32)
    if len(shape) == 4 and ".im." not in name:
        deviation = math.sqrt(2 / math.prod(shape[1:]))
        return (random.standard_normal(shape) * deviation).astype(np.float32)
    return np.ones(shape, np.float32)
