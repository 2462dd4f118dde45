"""What a network costs, measured on the network itself."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from detector.network import build_network, deploy


class Cost(NamedTuple):
    """Parameters in millions; GFLOPs per picture, two for each multiply-accumulate."""

    parameters: float
    gflops: float


def measure_cost(name: str, *, classes: int = 80, size: tuple[int, int] = (640, 640)) -> Cost:
    """Return what the deployed form of a network costs. Nothing is computed: shapes suffice."""
    with torch.device("meta"):
        network, images = deploy(build_network(name, classes=classes)), torch.empty(1, 3, *size)
    with FlopCounterMode(display=False) as counter:
        network(images)
    parameters = sum(p.numel() for p in network.parameters())
    return Cost(parameters / 1e6, counter.get_total_flops() / 1e9)
