"""The optimiser: parameter groups, learning-rate schedule, steps, and the moving average."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from detector.yolov7.network import Network
from trainer.recipe import AverageConfig, OptimiserConfig

ADAM_SECOND_MOMENT = 0.999


def make_optimiser(
    network: nn.Module, config: OptimiserConfig, decay_scale: float
) -> torch.optim.Optimizer:
    """Return an optimiser over three groups: biases, weights with decay, weights without.

    Only kernels of convolutions decay, because decay of scales and of implicit knowledge costs
    accuracy. Frozen parameters are in no group. decay_scale: images per step, relative to the
    nominal batch
    """
    named = {name: value for name, value in network.named_parameters() if value.requires_grad}
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
    if config.algorithm == "adamw":
        betas = (config.momentum, ADAM_SECOND_MOMENT)
        return torch.optim.AdamW(groups, lr=config.lr, betas=betas, weight_decay=0, fused=True)
    return torch.optim.SGD(
        groups, lr=config.lr, momentum=config.momentum, nesterov=True, fused=True
    )


def _is_kernel(name: str, value: Tensor) -> bool:
    return name.endswith("weight") and value.ndim == 4


@dataclass(frozen=True, slots=True)
class Schedule:
    """Learning rates and momentum of each batch, as a pure function of its number."""

    config: OptimiserConfig
    batches_per_epoch: int
    epochs: int

    def apply(self, optimiser: torch.optim.Optimizer, batch: int) -> None:
        """Set the rates and the momentum for batch number `batch`, from 0."""
        config = self.config
        rate = config.lr * self._factor(batch / (self.batches_per_epoch * self.epochs))
        warm = self._warm_up(batch)
        momentum = config.warmup_momentum + warm * (config.momentum - config.warmup_momentum)
        starts = (
            config.warmup_bias_lr,
            0.0,
            0.0,
        )  # biases start high: they learn how rare objects are
        for group, start in zip(optimiser.param_groups, starts, strict=True):
            group["lr"] = start + warm * (rate - start)
            if "betas" in group:
                group["betas"] = (momentum, ADAM_SECOND_MOMENT)
            else:
                group["momentum"] = momentum

    def _factor(self, done: float) -> float:
        """Return the rate relative to `lr` when the fraction `done` of the training is done."""
        final = self.config.final_lr
        if self.config.schedule == "linear":
            return final + (1 - final) * (1 - done)
        return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2

    def _warm_up(self, batch: int) -> float:
        batches = self.config.warmup_epochs * self.batches_per_epoch
        return min(1.0, batch / batches) if batches else 1.0


class Stepper:
    """Takes optimiser steps: unscales gradients, clips them if configured, and clears them."""

    def __init__(
        self, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler, clip: float | None
    ) -> None:
        self.optimiser, self.scaler = optimiser, scaler
        self._clip = clip
        self._weights = [weight for group in optimiser.param_groups for weight in group["params"]]

    def step(self) -> None:
        """Update all weights, and clear their gradients."""
        if self._clip is not None:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self._weights, self._clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()


class MovingAverage:
    """An exponential moving average of the weights; the decay rises from 0 to its full value."""

    def __init__(self, network: Network, config: AverageConfig) -> None:
        self.network = deepcopy(network).eval().requires_grad_(False)
        self.config = config
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards `network` by one update, buffers included."""
        self.updates += 1
        decay = self.config.decay * (1 - math.exp(-self.updates / self.config.ramp))
        mine, theirs = self.network.state_dict(), network.state_dict()
        floats = [name for name, value in mine.items() if value.is_floating_point()]
        torch._foreach_lerp_(  # a few kernels for all weights, on a GPU
            [mine[each] for each in floats], [theirs[each] for each in floats], 1 - decay
        )
        for name in mine.keys() - floats:
            mine[name].copy_(theirs[name])
