"""Networks with random weights whose outputs vary over the image as those of a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from detector.detections import UInt8Array
from detector.yolov7.network import Network, build_network


@torch.no_grad()
def random_network(
    name: str | Path, images: UInt8Array, *, classes: int = 80, width: float = 1.0, seed: int = 0
) -> Network:
    """Return a deployed network whose raw heads have mean 0 and deviation 1 over the images.

    images: (n, h, w, 3) uint8, RGB, letterboxed
    Weights are scaled so that the signal neither fades nor grows from layer to layer (He et al.
    2015). Channels differ. The heads are scaled so that boxes and scores spread like those of a
    trained network, so that the errors of half precision and INT8 are realistic.
    """
    torch.manual_seed(seed)
    network = build_network(name, classes=classes, width=width, form="deployed").eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.BatchNorm2d):
            _vary(layer)
    convs = cast("list[nn.Conv2d]", list(network.head.m))
    for conv in convs:
        nn.init.zeros_(cast(Tensor, conv.bias))
    heads = network(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
    for conv, head in zip(convs, heads, strict=True):
        outputs = head.permute(1, 4, 0, 2, 3).flatten(2).flatten(0, 1)  # one row per channel
        conv.weight = nn.Parameter(conv.weight / outputs.std())
        conv.bias = nn.Parameter(-outputs.mean(dim=1) / outputs.std())
    return network


def _vary(norm: nn.BatchNorm2d) -> None:
    """Make channels differ as after training."""
    for spread in (norm.weight, norm.running_var):
        assert spread is not None
        nn.init.uniform_(spread, 0.5, 1.5)
    for shift in (norm.bias, norm.running_mean):
        assert shift is not None
        nn.init.normal_(shift, 0, 0.1)
