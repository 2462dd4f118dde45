"""The gradients of one optimiser step, batch after batch: on a GPU, or in several processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import cast

import torch
from torch import Tensor, nn

from detector.errors import UsageError
from detector.yolov7.network import Network
from trainer.data.prefetch import Batch
from trainer.loss.detection_loss import DetectionLoss
from trainer.optim.device import TrainingDevice
from trainer.optim.distributed import ProcessGroup
from trainer.optim.parallel_gradients import as_input, statistics


class SequentialGradients:
    """Computes the gradients of the batches of a step in sequence; see Gradients."""

    def __init__(
        self,
        network: Network,
        loss_of: DetectionLoss,
        device: TrainingDevice,
        scaler: torch.amp.GradScaler,
        group: ProcessGroup,
    ) -> None:
        self._loss_of, self._device, self._scaler, self._group = loss_of, device, scaler, group
        self._network = network
        self._replica = _distributed(network) if group.size > 1 else None

    def add(self, batches: Sequence[Batch]) -> list[list[float]]:
        """Add the gradients of all batches to the network; return the loss terms per batch.

        With several processes, each passes its own batches, the same number in each, and gets the
        terms of the batches of all processes, in the order of the epoch. The running statistics of
        batch normalisation become the mean over the processes.
        """
        terms = []
        for number, batch in enumerate(batches, 1):
            is_last = number == len(batches)  # processes exchange gradients with the last one only
            with nullcontext() if self._replica is None or is_last else self._replica.no_sync():
                terms.append(self._add_batch(batch))
        self._group.average(statistics(self._network))
        gathered = self._group.gather(torch.stack(terms))  # (processes, batches, 4)
        all_terms: list[list[float]] = gathered.transpose(0, 1).flatten(0, 1).tolist()
        return all_terms

    def close(self) -> None:
        """Do nothing: there are no resources to release."""

    def _add_batch(self, batch: Batch) -> Tensor:
        """Add the gradients of one batch; return its loss terms (4,)."""
        images, targets = batch
        device = self._device.torch_device
        with self._device.autocast():
            heads = (self._replica or self._network)(as_input(images, device))
        loss, terms = self._loss_of(heads, torch.from_numpy(targets).to(device))
        # DistributedDataParallel averages over the processes, but the sum is wanted
        self._scaler.scale(loss * self._group.size).backward()  # type: ignore[no-untyped-call]
        return terms


def _distributed(network: Network) -> nn.parallel.DistributedDataParallel:
    return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)


def synchronised(network: Network, device: TrainingDevice) -> Network:
    """Return `network` with batch normalisation over the batches of all processes.

    Raises UsageError if the device is a CPU: torch supports this on GPUs only.
    """
    if device.torch_device.type != "cuda":
        raise UsageError(
            "sync_batchnorm: true given, but this trains on the CPU, and torch supports it on GPUs "
            "only: give false, and larger batches if the statistics are too noisy"
        )
    return cast(Network, nn.SyncBatchNorm.convert_sync_batchnorm(network))  # type: ignore[no-untyped-call]
