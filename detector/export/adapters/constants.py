"""The numbers that ONNX text names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

COMMON: dict[str, NDArray[Any]] = {
    **{f"at_{number}": np.array([number]) for number in range(8)},
    "last": np.array([2]),  # axis of (n, rows, columns)
    "zero": np.array(0),
    "one": np.array(1),
    "two": np.array(2, np.float32),
    "flat": np.array([-1]),
    "column": np.array([-1, 1]),
    "scalar": np.array([], np.int64),
}


def add_constants(model: ModelProto, values: Mapping[str, NDArray[Any]]) -> None:
    """Add those of `values`, and of the common numbers, that the nodes read."""
    read = {name for node in model.graph.node for name in node.input}
    for name, value in (COMMON | dict(values)).items():
        if name in read:
            model.graph.initializer.append(numpy_helper.from_array(value, name))
