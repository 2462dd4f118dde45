"""Networks of torch from weights files, and back: for training and for the torch engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from detector.weights.checkpoint import WeightsInfo, read_weights, write_weights
from detector.weights.official import read_official
from detector.yolov7.network import Network, network_of


def load_weights(path: Path) -> tuple[Network, WeightsInfo]:
    """Return the network in a .safetensors file, in training mode, and the header of the file.

    Raises ModelError as `read_weights` does.
    """
    weights, info = read_weights(path)
    return network_of(weights), info


def load_official(path: Path) -> tuple[Network, WeightsInfo]:
    """Return the network in an official checkpoint, in evaluation mode, and its header.

    Raises ModelError as `read_official` does.
    """
    weights, info = read_official(path)
    return network_of(weights).eval(), info


def save_weights(
    network: Network,
    path: Path,
    *,
    class_names: Sequence[str],
    size: tuple[int, int],
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the weights of an unfolded network, completely or not at all."""
    write_weights(network.weights(), path, class_names=class_names, size=size, notes=notes)
