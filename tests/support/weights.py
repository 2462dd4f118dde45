"""The weights for which the reference numbers were computed (tests/reference/README.md)."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detector.yolov7.description import Form, read_description
from detector.yolov7.network import Network
from detector.yolov7.random_weights import anchor_arrays
from detector.yolov7.state_shapes import state_shapes
from detector.yolov7.weights import NetworkWeights

COUNTS_AND_ANCHORS = ("num_batches_tracked", "anchors", "anchor_grid")


def reference_weights(
    network: Network, prefix: str, made: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Return a state dict for `network`; each entry depends only on its name and shape.

    made: existing entries, of another form of the same network
    """
    state = network.state_dict()
    known = {name: value for name, value in (made or {}).items() if name in state}
    random = [name for name in state if not name.endswith(COUNTS_AND_ANCHORS) and name not in known]
    shapes = [tuple(state[name].shape) for name in random]
    with ThreadPoolExecutor() as threads:  # the largest networks have 166 million
        values = threads.map(partial(_values, prefix), random, shapes)
        return state | known | dict(zip(random, map(torch.from_numpy, values), strict=True))


def reference_arrays(
    name: str, form: Form, *, classes: int, prefix: str, width: float = 1.0
) -> NetworkWeights:
    """Return the weights of a network without torch; each depends only on its name and shape."""
    description = read_description(name)
    if form == "deployed":
        description = description.deployed()
    shapes = state_shapes(description, classes, width)
    random = [name for name in shapes if not name.endswith(COUNTS_AND_ANCHORS)]
    with ThreadPoolExecutor() as threads:
        values = threads.map(partial(_values, prefix), random, map(shapes.__getitem__, random))
        arrays: dict[str, NDArray[Any]] = dict(zip(random, values, strict=True))
    counts = [name for name in shapes if name.endswith("num_batches_tracked")]
    arrays |= {name: np.zeros((), np.int64) for name in counts} | anchor_arrays(description)
    return NetworkWeights(description, classes, width, arrays)


def _values(prefix: str, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    r = np.random.default_rng(zlib.crc32((prefix + name).encode()))
    if ".ia." in name:
        values = r.normal(0, 0.02, shape)
    elif ".im." in name:
        values = r.normal(1, 0.02, shape)
    elif name.endswith("running_mean"):
        values = r.normal(0, 0.1, shape)
    elif name.endswith("running_var"):
        values = r.uniform(0.5, 1.5, shape)
    elif len(shape) == 4:
        values = r.normal(0, math.sqrt(2 / math.prod(shape[1:])), shape)
    elif name.endswith("weight"):
        values = r.uniform(0.5, 1.5, shape)
    else:
        values = r.normal(0, 0.1, shape)
    return values.astype(np.float32)
