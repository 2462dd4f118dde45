"""The cost of a network: parameters and operations, counted on the network itself."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from detector.yolov7.description import Description, Form
from detector.yolov7.network import build_network, deploy


class Cost(NamedTuple):
    """Parameters in millions; GFLOPs per image, two for each multiply-accumulate."""

    parameters: float
    gflops: float


def measure_cost(
    network: str | Description,
    *,
    classes: int = 80,
    size: tuple[int, int] = (640, 640),
    form: Form = "deployed",
) -> Cost:
    """Return the cost of a network. Only shapes are computed.

    network: as `build_network` takes it; size: (height, width) of the image
    form: `deployed` counts the folded network of inference; `training` counts one forward pass of
    the network as it is trained
    """
    with torch.device("meta"):
        built, images = build_network(network, classes=classes).train(), torch.empty(1, 3, *size)
        counted = deploy(built) if form == "deployed" else built
    with FlopCounterMode(display=False) as counter:
        counted(images)
    parameters = sum(p.numel() for p in counted.parameters())
    return Cost(parameters / 1e6, counter.get_total_flops() / 1e9)
