"""A network does not begin from nothing: weights of another training, and layers that stay so."""

from __future__ import annotations

from pathlib import Path

from detector.errors import UsageError
from detector.weights.checkpoint import load_weights
from detector.yolov7.network import Network


def transfer(weights: Path, network: Network) -> list[str]:
    """Put what fits of a weights file into `network`, and return what in it stays as it was.

    What fits is known by its name and shape: with other classes all but the last convolutions.
    Raises UsageError for weights of another network or width, of which next to nothing fits.
    """
    given, info = load_weights(weights)
    if (info.variant, info.width) != (network.name, network.width):
        raise UsageError(
            f"{weights}: holds {info.variant} at width {info.width:g}, the recipe asks for "
            f"{network.name} at width {network.width:g}: give weights of the same network and width"
        )
    held, wanted = given.state_dict(), network.state_dict()
    fitting = {
        name: value
        for name, value in held.items()
        if name in wanted and value.shape == wanted[name].shape
    }
    network.load_state_dict(fitting, strict=False)
    return [name for name in wanted if name not in fitting]


def freeze(network: Network, rows: int) -> None:
    """Let the first `rows` rows of a network stay as they are, statistics included."""
    if rows >= len(network.model):
        raise UsageError(
            f"freeze: {rows} given, but {network.name} has {len(network.model)} rows: "
            "at least the last must be left to learn"
        )
    for layer in network.model[:rows]:
        layer.eval().requires_grad_(False)


def freeze_auxiliary(network: Network) -> None:
    """Let rows that only auxiliary heads read stay as they are: nothing is learnt there."""
    needed = network.description.lead_rows()
    for number, layer in enumerate(network.model):
        if number not in needed:
            layer.requires_grad_(False)
    for name, parameter in network.head.named_parameters():
        if name.startswith("m2."):
            parameter.requires_grad_(False)
