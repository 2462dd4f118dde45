"""The optimiser: parameter groups, the schedule of rates, steps, and the moving average."""

from __future__ import annotations

import math
from itertools import chain

import pytest
import torch

from detector.yolov7.network import Network, build_network
from trainer.optim.optimizer import MovingAverage, Schedule, Stepper, make_optimiser
from trainer.recipe import AverageConfig, OptimiserConfig


@pytest.fixture
def network() -> Network:
    return build_network("yolov7-tiny", classes=2, width=0.125)


def test_only_kernels_of_convolutions_decay(network: Network) -> None:
    optimiser = make_optimiser(network, OptimiserConfig(weight_decay=5e-4), decay_scale=0.5)
    names = {id(value): name for name, value in network.named_parameters()}
    grouped = [[names[id(value)] for value in group["params"]] for group in optimiser.param_groups]
    assert sorted(chain(*grouped)) == sorted(names.values())
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0, 2.5e-4, 0]
    assert all(name.endswith("conv.weight") or ".m." in name for name in grouped[1])
    assert "model.0.bn.weight" in grouped[2] and "model.0.bn.bias" in grouped[0]


def test_the_warm_up_starts_with_the_biases_and_the_cosine_ends_at_final_lr(
    network: Network,
) -> None:
    config = OptimiserConfig(lr=0.01, final_lr=0.1, warmup_epochs=2)
    optimiser = make_optimiser(network, config, decay_scale=1)
    schedule = Schedule(config, batches_per_epoch=10, epochs=10)

    def at(batch: int) -> list[float]:
        schedule.apply(optimiser, batch)
        return [group["lr"] for group in optimiser.param_groups]

    assert at(0) == [0.1, 0, 0] and optimiser.param_groups[0]["momentum"] == 0.8
    assert at(50) == pytest.approx([0.0055] * 3)  # half way between 0.01 and 0.001
    assert optimiser.param_groups[0]["momentum"] == 0.937
    assert at(100) == pytest.approx([0.001] * 3)


def test_the_moving_average_follows_quickly_at_first_and_slowly_later(network: Network) -> None:
    average = MovingAverage(network, AverageConfig(decay=0.9, ramp=2))
    theirs, mine = (next(each.parameters()) for each in (network, average.network))
    with torch.no_grad():
        theirs.fill_(1)
        mine.fill_(0)
    expected = 0.0
    for update in (1, 2, 3):
        average.update(network)
        decay = 0.9 * (1 - math.exp(-update / 2))
        expected = decay * expected + 1 - decay
        assert mine.mean().item() == pytest.approx(expected)


def test_a_linear_schedule_falls_linearly(network: Network) -> None:
    config = OptimiserConfig(lr=0.01, final_lr=0.2, warmup_epochs=0, schedule="linear")
    optimiser = make_optimiser(network, config, decay_scale=1)
    schedule = Schedule(config, batches_per_epoch=10, epochs=10)
    for batch, rate in ((0, 0.01), (25, 0.008), (50, 0.006), (100, 0.002)):
        schedule.apply(optimiser, batch)
        assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([rate] * 3)


def test_adamw_decays_kernels_independently_of_their_gradient(network: Network) -> None:
    config = OptimiserConfig(algorithm="adamw", lr=0.01, weight_decay=0.5, warmup_epochs=0)
    optimiser = make_optimiser(network, config, decay_scale=1)
    Schedule(config, batches_per_epoch=10, epochs=10).apply(optimiser, 0)
    for weight in network.parameters():
        weight.grad = torch.zeros_like(weight)
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimiser.step()
    for name, value in network.named_parameters():
        factor = 1 - 0.01 * 0.5 if value.ndim == 4 and name.endswith("weight") else 1
        torch.testing.assert_close(value, before[name] * factor)
    assert optimiser.param_groups[1]["betas"] == (0.937, 0.999)


@pytest.mark.parametrize(("clip", "moved"), [(None, 10.0), (2.0, 2.0), (50.0, 10.0)])
def test_clipping_limits_the_norm_of_a_step(clip: float | None, moved: float) -> None:
    weight = torch.nn.Parameter(torch.zeros(4))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.full((4,), 5.0)  # of length 10
    Stepper(optimiser, torch.amp.GradScaler("cpu", enabled=False), clip).step()
    assert weight.norm().item() == pytest.approx(moved, rel=1e-4)
    assert weight.grad is None


def test_frozen_parameters_are_in_no_group(network: Network) -> None:
    network.model[:10].requires_grad_(False)
    optimiser = make_optimiser(network, OptimiserConfig(), decay_scale=1)
    trained = {id(value) for group in optimiser.param_groups for value in group["params"]}
    assert trained == {id(value) for value in network.parameters() if value.requires_grad}
