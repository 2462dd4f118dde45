"""Batch normalisation put back changes nothing in evaluation, and little in training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from detector.yolov7.network import Network, build_network
from trainer.optim.normalisation import renormalise
from trainer.optim.transfer import freeze


def images(count: int, seed: int) -> Tensor:
    """Return smooth images of one kind: upsampled noise."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(count, 3, 16, 16, generator=generator)
    return nn.functional.interpolate(noise, size=(128, 128), mode="bilinear")


def folded_like(name: str, width: float) -> Network:
    """Return a network whose normalisations do nothing, as after a fold, on lively kernels."""
    torch.manual_seed(4)
    network = build_network(name, classes=2, width=width)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.constant_(layer.running_var, 1 - layer.eps)  # type: ignore[arg-type]
            nn.init.normal_(layer.bias, 0.1, 0.1)
    return network


@torch.no_grad()
def heads(network: Network, batch: Tensor, *, training: bool) -> list[Tensor]:
    """Return the lead heads, and leave the statistics of the network as they are."""
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    found = network.train(training)(batch)[: len(network.strides)]
    network.load_state_dict(kept)
    return list(found)


def measured() -> Iterator[Tensor]:
    yield images(20, seed=5)
    yield images(12, seed=6)


@pytest.fixture(scope="module", params=["yolov7-tiny", "yolov7", "yolov7-w6"])
def networks(request: pytest.FixtureRequest) -> tuple[Network, Network]:
    """A network as after a fold, and the same with statistics measured."""
    before, after = (folded_like(request.param, 0.0625) for _ in range(2))
    renormalise(after, measured())
    return before, after


def test_in_evaluation_the_outputs_stay(networks: tuple[Network, Network]) -> None:
    before, after = networks
    batch = images(4, seed=7)
    for old, new in zip(
        heads(before, batch, training=False), heads(after, batch, training=False), strict=True
    ):
        torch.testing.assert_close(new, old, rtol=1e-3, atol=1e-3 * float(old.std()))


def test_in_training_like_images_give_nearly_the_same(networks: tuple[Network, Network]) -> None:
    before, after = networks
    batch = images(16, seed=8)

    def far(network: Network) -> float:
        """The distance of training from evaluation, in deviations of the outputs."""
        wanted = heads(before, batch, training=False)
        found = heads(network, batch, training=True)
        return max(
            float((x - y).square().mean().sqrt() / y.std())
            for x, y in zip(found, wanted, strict=True)
        )

    assert far(after) < 0.35
    assert far(before) > 2 * far(after)


def test_the_statistics_are_those_of_torch_itself() -> None:
    network = folded_like("yolov7-tiny", 0.0625)
    renormalise(network, measured())
    norm = network.get_submodule("model.0.bn")
    kernels = network.get_submodule("model.0.conv")
    with torch.no_grad():
        values = kernels(torch.cat(list(measured())))
    torch.testing.assert_close(norm.running_mean, values.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, values.var((0, 2, 3), correction=0))


def test_frozen_layers_stay_in_evaluation_and_the_others_in_training() -> None:
    network = folded_like("yolov7-tiny", 0.0625).train()
    freeze(network, 5)
    renormalise(network, [images(2, seed=9)])
    assert [layer.training for layer in network.model][:7] == [False] * 5 + [True] * 2
