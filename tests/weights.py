"""The weights that the reference numbers were made with (tests/reference/README.md)."""

from __future__ import annotations

import math
import zlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detector.network import Network


def reference_weights(network: Network, prefix: str) -> dict[str, Tensor]:
    """Return a state dict for `network`: each entry follows from its name and shape."""
    state = network.state_dict()
    kept = ("num_batches_tracked", "anchors", "anchor_grid")
    for name, value in state.items():
        if not name.endswith(kept):
            state[name] = torch.from_numpy(_values(prefix, name, tuple(value.shape)))
    return state


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
