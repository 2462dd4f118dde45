"""How weights move: SGD with parameter groups, the rates of every step, and the moving average."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from detector.network import Network
from trainer.recipe import AverageConfig, OptimiserConfig


def make_optimiser(
    network: nn.Module, config: OptimiserConfig, decay_scale: float
) -> torch.optim.SGD:
    """Return Nesterov SGD over three groups: biases, weights that decay, weights that do not.

    Only kernels of convolutions decay: decay of scales and of implicit knowledge, which have no
    scale to lose, costs accuracy. decay_scale: pictures per step over the nominal batch.
    """
    named = dict(network.named_parameters())
    biases = [value for name, value in named.items() if name.endswith("bias")]
    kernels = [value for name, value in named.items() if _is_kernel(name, value)]
    others = [
        value
        for name, value in named.items()
        if not name.endswith("bias") and not _is_kernel(name, value)
    ]
    groups: list[dict[str, Any]] = [
        {"params": biases},
        {"params": kernels, "weight_decay": config.weight_decay * decay_scale},
        {"params": others},
    ]
    return torch.optim.SGD(
        groups, lr=config.lr, momentum=config.momentum, nesterov=True, fused=True
    )


def _is_kernel(name: str, value: Tensor) -> bool:
    return name.endswith("weight") and value.ndim == 4


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rates of every batch of a training, as a pure function of its number."""

    config: OptimiserConfig
    batches_per_epoch: int
    epochs: int

    def apply(self, optimiser: torch.optim.SGD, batch: int) -> float:
        """Set rates and momentum for the batch with this number, from 0; return the rate."""
        config = self.config
        rate = config.lr * self._cosine(batch / (self.batches_per_epoch * self.epochs))
        warm = self._warm(batch)
        momentum = config.warmup_momentum + warm * (config.momentum - config.warmup_momentum)
        starts = (config.warmup_bias_lr, 0.0, 0.0)  # biases first: they say how rare objects are
        for group, start in zip(optimiser.param_groups, starts, strict=True):
            group["lr"] = start + warm * (rate - start)
            group["momentum"] = momentum
        return rate * warm

    def _cosine(self, done: float) -> float:
        return (
            self.config.final_lr + (1 - self.config.final_lr) * (1 + math.cos(math.pi * done)) / 2
        )

    def _warm(self, batch: int) -> float:
        warm_up = self.config.warmup_epochs * self.batches_per_epoch
        return min(1.0, batch / warm_up) if warm_up else 1.0


class MovingAverage:
    """A copy of the network whose weights follow slowly; early on faster, since they start bad."""

    def __init__(self, network: Network, config: AverageConfig) -> None:
        self.network = deepcopy(network).eval().requires_grad_(False)
        self.config = config
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take one step towards `network`, buffers included."""
        self.updates += 1
        decay = self.config.decay * (1 - math.exp(-self.updates / self.config.ramp))
        theirs = network.state_dict()
        for name, mine in self.network.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1 - decay)
            else:
                mine.copy_(theirs[name])
