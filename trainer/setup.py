"""Setup of a training: the network with its initial weights and anchors, and the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from detector.detections import Float32Array
from detector.errors import UsageError
from detector.yolov7.network import Network, build_network
from trainer.loss.anchors import Fit, fit_anchors, measure, set_anchors
from trainer.loss.detection_loss import DetectionLoss, Gains
from trainer.optim.transfer import freeze, freeze_auxiliary, transfer
from trainer.recipe import Recipe

Note = Callable[[str], None]


def make_network(recipe: Recipe, sides: Callable[[], Float32Array], note: Note) -> Network:
    """Return the network before the first step, on the CPU.

    sides: returns (n, 2) float32, width and height of the labelled boxes in input pixels
    note: receives lines for the user
    """
    torch.manual_seed(recipe.seed)
    classes = recipe.data.classes
    network = build_network(recipe.network, classes=len(classes), width=recipe.width)
    _check_size(network, recipe.size)
    if recipe.weights:
        missing = transfer(recipe.weights, network)
        note(f"{recipe.weights}: {_list(missing)}")
    if recipe.anchors == "fitted":
        _fit_anchors(network, sides(), recipe, note)
    freeze(network, recipe.freeze)
    if recipe.loss.auxiliary == "none":
        freeze_auxiliary(network)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _check_size(network: Network, size: tuple[int, int]) -> None:
    step = max(network.strides)
    if any(side % step for side in size):
        raise UsageError(
            f"size: {list(size)} given, but {network.name} takes multiples of {step}: "
            f"for example {[-(-side // step) * step for side in size]}"
        )


def _list(missing: list[str]) -> str:
    return f"all weights but {', '.join(missing)}" if missing else "all weights"


def _fit_anchors(network: Network, sides: Float32Array, recipe: Recipe, note: Note) -> None:
    """Set anchors fitted to the data, unless the network's own fit better."""
    own = network.anchors.reshape(-1, 2).numpy()
    if len(sides) < len(own):
        raise UsageError(
            f"anchors: 'fitted' given, but the data has {len(sides)} boxes for {len(own)} anchors: "
            "give 'described'"
        )
    ratio = recipe.loss.anchor_ratio
    fitted = fit_anchors(sides, len(own), ratio, np.random.default_rng(recipe.seed))
    before, after = measure(sides, own, ratio), measure(sides, fitted, ratio)
    note(f"anchors of {network.name}: {_describe(before)}; fitted: {_describe(after)}")
    if after.fitness > before.fitness:
        set_anchors(network, fitted)


def _describe(fit: Fit) -> str:
    return f"fitness {fit.fitness:.3f}, recall {fit.recall:.3f}"


def make_loss(network: Network, recipe: Recipe) -> DetectionLoss:
    """Return the loss, with the recipe's gains scaled to this network and size."""
    config = recipe.loss
    gains = Gains(config.box, config.objectness, config.classification)
    return DetectionLoss(
        network.anchors,
        torch.tensor(network.strides),
        gains.scaled(len(network.strides), network.classes, recipe.size),
        config.assignment,
        config.anchor_ratio,
        auxiliary=config.auxiliary,
        constraint=config.constraint,
        label_smoothing=config.label_smoothing,
    )
