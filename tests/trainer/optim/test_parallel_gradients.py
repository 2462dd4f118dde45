"""Parallel batches give the same gradients as sequential ones."""

from __future__ import annotations

from contextlib import closing
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.yolov7.network import Network, build_network
from trainer.data.prefetch import Batch
from trainer.loss.detection_loss import DetectionLoss, Gains
from trainer.optim.device import TrainingDevice
from trainer.optim.parallel_gradients import ParallelGradients, as_input

CPU = TrainingDevice(torch.device("cpu"), None)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return build_network("yolov7-tiny", classes=2, width=0.125).train()


@pytest.fixture(scope="module")
def loss_of(network: Network) -> DetectionLoss:
    return DetectionLoss(network.anchors, torch.tensor(network.strides), Gains())


@pytest.fixture(scope="module")
def batches() -> list[Batch]:
    rng = np.random.default_rng(0)
    return [_batch(rng, objects) for objects in (9, 0, 5)]


def _batch(rng: np.random.Generator, objects: int) -> Batch:
    targets = np.column_stack(
        [
            rng.integers(0, 4, objects),
            rng.integers(0, 2, objects),
            rng.uniform(0.1, 0.9, (objects, 2)),
            rng.uniform(0.1, 0.4, (objects, 2)),
        ]
    )
    images = rng.integers(0, 256, (4, 64, 96, 3), dtype=np.uint8)
    return images, targets.astype(np.float32)


def gradient(network: Network) -> Tensor:
    """Return the gradients of all weights, flattened."""
    return torch.cat([w.grad.flatten() for w in network.parameters() if w.grad is not None])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_gradients_and_losses_equal_those_of_sequential_batches(
    network: Network, loss_of: DetectionLoss, batches: list[Batch], count: int
) -> None:
    alone = deepcopy(network)
    expected = []
    for images, targets in batches[:count]:
        loss, parts = loss_of(alone(as_input(images)), torch.from_numpy(targets))
        loss.backward()  # type: ignore[no-untyped-call]
        expected.append(parts.tolist())

    together = deepcopy(network)
    with closing(ParallelGradients(together, loss_of, CPU, batches=3)) as gradients:
        parts_of_each = gradients.add(batches[:count])

    np.testing.assert_allclose(parts_of_each, expected, rtol=1e-4)
    assert (gradient(together) - gradient(alone)).norm() < 1e-3 * gradient(alone).norm()


def test_running_statistics_become_the_mean_over_the_batches(
    network: Network, loss_of: DetectionLoss, batches: list[Batch]
) -> None:
    name = "model.0.bn.running_mean"
    apart = []
    for images, _ in batches:
        alone = deepcopy(network)
        alone(as_input(images))
        apart.append(alone.state_dict()[name])

    together = deepcopy(network)
    with closing(ParallelGradients(together, loss_of, CPU, batches=3)) as gradients:
        gradients.add(batches)
    torch.testing.assert_close(together.state_dict()[name], torch.stack(apart).mean(0))


def test_closing_restores_the_number_of_torch_threads(
    network: Network, loss_of: DetectionLoss
) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(7)
        with closing(ParallelGradients(deepcopy(network), loss_of, CPU, batches=2)):
            assert torch.get_num_threads() < 7
        assert torch.get_num_threads() == 7
    finally:
        torch.set_num_threads(before)


def test_an_update_of_the_weights_reaches_all_replicas(
    network: Network, loss_of: DetectionLoss, batches: list[Batch]
) -> None:
    together = deepcopy(network)
    with closing(ParallelGradients(together, loss_of, CPU, batches=2)) as gradients:
        before = gradients.add([batches[0], batches[0]])
        with torch.no_grad():
            for weight in together.parameters():
                weight.mul_(0.9)
        after = gradients.add([batches[0], batches[0]])
    assert before[0] == before[1] and after[0] == after[1] and before[0] != after[0]
