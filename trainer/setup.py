"""Setup of a training: the network with its initial weights and anchors, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from detector.detections import Float32Array
from detector.errors import UsageError
from detector.yolov7.network import Network, build_network
from trainer.augment.augmenter import Augmenter
from trainer.loss.anchors import Fit, fit_anchors, measure, set_anchors
from trainer.loss.detection_loss import DetectionLoss, Gains
from trainer.optim.normalisation import renormalise
from trainer.optim.transfer import (
    EXPORTED,
    found_weights,
    freeze,
    freeze_auxiliary,
    transfer,
)
from trainer.recipe import Recipe

Note = Callable[[str], None]

MEASURED_IMAGES, AT_ONCE = 64, 8  # for the statistics of batch normalisation


def make_network(recipe: Recipe, data: Augmenter, note: Note) -> Network:
    """Return the network before the first step, on the CPU.

    data: the images to train on; read only for fitted anchors and for weights from an .onnx
    note: receives lines for the user
    """
    torch.manual_seed(recipe.seed)
    classes = recipe.data.classes
    network = build_network(recipe.network, classes=len(classes), width=recipe.width)
    _check_size(network, recipe.size)
    if recipe.weights:
        weights = found_weights(recipe.weights)
        missing = transfer(weights, network)
        note(f"{recipe.weights}: {_list(missing)}")
        if weights.suffix == EXPORTED:
            renormalise(network, _images(data))
    if recipe.anchors == "fitted":
        _fit_anchors(network, data.object_sides(), recipe, note)
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


def _images(data: Augmenter) -> Iterator[Tensor]:
    """Yield a sample of the images as the first epoch shows them, spread over the data.

    (n, 3, h, w) float, RGB, 0..1
    """
    count = min(len(data), MEASURED_IMAGES)
    positions = np.linspace(0, len(data) - 1, count).round().astype(int).tolist()
    for first in range(0, count, AT_ONCE):
        images = [data.augmented(each, epoch=0)[0] for each in positions[first : first + AT_ONCE]]
        yield torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


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
