"""Transfer learning: weights of another training, and frozen layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detector.errors import UsageError
from detector.weights.torch_networks import load_official, load_weights
from detector.weights.zoo import bundled_models
from detector.yolov7.network import Network
from trainer.optim.exported import exported_arrays

EXPORTED = ".onnx"
COUNTS = "num_batches_tracked"


def found_weights(name: Path) -> Path:
    """Return the file of weights that a recipe names: a path, or the name of a bundled model."""
    return bundled_models().get(str(name), name)


def transfer(weights: Path, network: Network) -> list[str]:
    """Load the weights that fit `network`, and return the names of those that were not loaded.

    weights: a .safetensors of a training, an official .pt, or an .onnx that our exporter wrote. The
    last has no statistics for batch normalisation: `renormalise` must follow.
    Weights fit by name and shape: if only the number of classes differs, all fit but those of the
    last convolutions of the head.
    Raises UsageError for weights of another network or width, where almost nothing fits.
    """
    available = (
        _exported(weights, network) if weights.suffix == EXPORTED else _own(weights, network)
    )
    wanted = network.state_dict()
    fitting = {
        name: value
        for name, value in available.items()
        if name in wanted and value.shape == wanted[name].shape
    }
    network.load_state_dict(fitting, strict=False)
    return [name for name in wanted if name not in fitting]


def _own(weights: Path, network: Network) -> Mapping[str, Tensor]:
    source, info = (load_official if weights.suffix == ".pt" else load_weights)(weights)
    if (info.variant, info.width) != (network.name, network.width):
        raise UsageError(
            f"{weights}: holds {info.variant} at width {info.width:g}, the recipe asks for "
            f"{network.name} at width {network.width:g}: give weights of the same network and width"
        )
    return source.state_dict()


def _exported(weights: Path, network: Network) -> Mapping[str, Tensor]:
    arrays, wanted = exported_arrays(weights, network.description), network.state_dict()
    head = f"model.{len(network.model) - 1}."  # has other shapes for other classes
    for name, array in arrays.items():
        if not name.startswith(head) and array.shape != wanted[name].shape:
            raise UsageError(
                f"{weights}: {name} is {array.shape}, but {tuple(wanted[name].shape)} in "
                f"{network.name} at width {network.width:g}, which the recipe asks for: give the "
                "network and width that the file was made from"
            )
    counts = {name: value for name, value in wanted.items() if name.endswith(COUNTS)}
    return counts | {name: torch.tensor(np.ascontiguousarray(a)) for name, a in arrays.items()}


def freeze(network: Network, rows: int) -> None:
    """Freeze the first `rows` layers, the rows of the description, with their batch statistics."""
    if rows >= len(network.model):
        raise UsageError(
            f"freeze: {rows} given, but {network.name} has {len(network.model)} rows: "
            "give a smaller number, so that at least the last row is trained"
        )
    for layer in network.model[:rows]:
        layer.eval().requires_grad_(False)


def freeze_auxiliary(network: Network) -> None:
    """Freeze the auxiliary heads, and the layers whose output only they read."""
    needed = network.description.lead_rows()
    for number, layer in enumerate(network.model):
        if number not in needed:
            layer.requires_grad_(False)
    for name, parameter in network.head.named_parameters():
        if name.startswith("m2."):  # the convolutions of the auxiliary heads
            parameter.requires_grad_(False)
