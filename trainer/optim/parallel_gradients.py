"""The gradients of one optimiser step, from several batches in parallel.

Each core works on its own batch. If all cores shared each operation, they would meet at a barrier
after each of about two thousand operations, and all would wait for a core that is busy elsewhere.
Measured on two cores with busy neighbours, YOLOv7-tiny at half width: 1 to 3 images per second with
shared operations; 20 to 25 per free core with separate batches.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Protocol

import torch
from torch import Tensor, nn

from detector.detections import UInt8Array
from detector.yolov7.network import Network
from trainer.data.prefetch import Batch
from trainer.loss.detection_loss import DetectionLoss
from trainer.optim.device import TrainingDevice


class Gradients(Protocol):
    """Computes the gradients of one optimiser step."""

    def add(self, batches: Sequence[Batch]) -> list[list[float]]:
        """Add the gradients of all batches to the network; return the loss terms per batch."""

    def close(self) -> None:
        """Release resources."""


class ParallelGradients:
    """Computes the gradients of the batches of a step in parallel, on a CPU; see Gradients.

    The result does not depend on the number of cores.
    """

    def __init__(
        self, network: Network, loss_of: DetectionLoss, device: TrainingDevice, batches: int
    ) -> None:
        """Prepare for at most `batches` per step."""
        self._loss_of, self._device = loss_of, device
        self._replicas = [network, *(_replica(network) for _ in range(batches - 1))]
        threads = min(batches, os.cpu_count() or 1)
        self._threads_before = torch.get_num_threads()  # torch's number is global
        per_operation = max(1, self._threads_before // threads)
        torch.set_num_threads(per_operation)
        self._threads = ThreadPoolExecutor(
            threads, "gradients", torch.set_num_threads, (per_operation,)
        )

    def add(self, batches: Sequence[Batch]) -> list[list[float]]:
        """Add the gradients of all batches to the network; return the loss terms per batch.

        The running statistics of batch normalisation become the mean over the batches' updates.
        """
        used = self._replicas[: len(batches)]
        for replica in used[1:]:
            for mine, theirs in zip(statistics(replica), statistics(used[0]), strict=True):
                mine.copy_(theirs)
        terms = list(self._threads.map(self._add_batch, used, batches))
        _sum_gradients(used)
        _average_statistics(used)
        return terms

    def close(self) -> None:
        """End the threads, and restore torch's number of threads."""
        self._threads.shutdown()
        torch.set_num_threads(self._threads_before)

    def _add_batch(self, replica: Network, batch: Batch) -> list[float]:
        """Add the gradients of one batch to the replica; return its loss terms."""
        images, targets = batch
        with self._device.autocast():
            heads = replica(as_input(images))
        loss, terms = self._loss_of(heads, torch.from_numpy(targets))
        loss.backward()  # type: ignore[no-untyped-call]
        listed: list[float] = terms.tolist()
        return listed


def as_input(images: UInt8Array, device: torch.device | None = None) -> Tensor:
    """Return (n, h, w, 3) bytes as (n, 3, h, w) float32, 0..1, channels last in memory."""
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2) / 255


def _replica(network: Network) -> Network:
    """Return a copy that shares the weights, with its own gradients and statistics."""
    shared = {
        id(weight): nn.Parameter(weight.detach(), requires_grad=weight.requires_grad)
        for weight in network.parameters()
    }
    return deepcopy(network, shared)


def _sum_gradients(replicas: Sequence[Network]) -> None:
    for weight, *others in zip(*(replica.parameters() for replica in replicas), strict=True):
        for other in others:
            if other.grad is not None:  # frozen and unused weights have none
                assert weight.grad is not None
                weight.grad += other.grad
                other.grad = None


def _average_statistics(replicas: Sequence[Network]) -> None:
    for mine, *others in zip(*map(statistics, replicas), strict=True):
        for other in others:
            mine.add_(other)
        mine.div_(len(replicas))


def statistics(network: Network) -> list[Tensor]:
    """Return the running means and variances of batch normalisation."""
    named = network.named_buffers()
    return [value for name, value in named if name.endswith(("running_mean", "running_var"))]
