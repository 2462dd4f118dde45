"""Batch normalisation with the statistics of given images, without a change of the outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from detector.yolov7.network import Network


class _Moments:
    """Sums of a layer's input: per channel, over images and pixels, in float64."""

    def __init__(self) -> None:
        self._count, self._sums, self._squares = 0, torch.zeros(()), torch.zeros(())

    def add(self, x: Tensor) -> None:
        values = x.detach().double()
        self._count += values.numel() // values.shape[1]
        self._sums = self._sums + values.sum((0, 2, 3))
        self._squares = self._squares + values.square().sum((0, 2, 3))

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        mean = self._sums / self._count
        return mean, (self._squares / self._count - mean.square()).clamp(min=0)


@torch.no_grad()
def renormalise(network: Network, batches: Iterable[Tensor]) -> None:
    """Give each batch normalisation the statistics of these images, and scale and shift to match.

    In evaluation the network computes what it did before, up to rounding. In training, where a
    batch's own statistics are used, it computes nearly the same for images like these. Layers that
    evaluation does not run stay as they are.

    batches: (n, 3, h, w) float, RGB, 0..1; at least one
    """
    with _evaluating(network), ExitStack() as hooks:
        moments: dict[nn.BatchNorm2d, _Moments] = {}
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                hooks.callback(norm.register_forward_pre_hook(partial(_note, moments)).remove)
        for images in batches:
            network(images)
    for norm, found in moments.items():
        _replace(norm, *found.mean_and_variance())


def _note(moments: dict[nn.BatchNorm2d, _Moments], norm: nn.Module, inputs: Any) -> None:
    moments.setdefault(cast(nn.BatchNorm2d, norm), _Moments()).add(inputs[0])


@contextmanager
def _evaluating(network: Network) -> Iterator[None]:
    """Run the network in evaluation mode; then each layer is in the mode that it was in."""
    training = [layer for layer in network.modules() if layer.training]
    network.eval()
    try:
        yield
    finally:
        for layer in training:
            layer.training = True


def _replace(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Set the statistics of a normalisation, and keep what it computes in evaluation."""
    old_mean, old_variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight.double() / torch.sqrt(old_variance.double() + norm.eps)
    shift = norm.bias.double() - old_mean.double() * scale
    norm.weight.copy_(scale * torch.sqrt(variance + norm.eps))
    norm.bias.copy_(shift + scale * mean)
    old_mean.copy_(mean)
    old_variance.copy_(variance)
