"""Transfer learning: weights of another training, and frozen layers."""

from __future__ import annotations

from pathlib import Path

from detector.errors import UsageError
from detector.weights.torch_networks import load_official, load_weights
from detector.yolov7.network import Network


def transfer(weights: Path, network: Network) -> list[str]:
    """Load the weights that fit `network`, and return the names of those that were not loaded.

    weights: a .safetensors of a training, or an official .pt
    Weights fit by name and shape: if only the number of classes differs, all fit but those of the
    last convolutions of the head.
    Raises UsageError for weights of another network or width, where almost nothing fits.
    """
    source, info = (load_official if weights.suffix == ".pt" else load_weights)(weights)
    if (info.variant, info.width) != (network.name, network.width):
        raise UsageError(
            f"{weights}: holds {info.variant} at width {info.width:g}, the recipe asks for "
            f"{network.name} at width {network.width:g}: give weights of the same network and width"
        )
    available, wanted = source.state_dict(), network.state_dict()
    fitting = {
        name: value
        for name, value in available.items()
        if name in wanted and value.shape == wanted[name].shape
    }
    network.load_state_dict(fitting, strict=False)
    return [name for name in wanted if name not in fitting]


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
