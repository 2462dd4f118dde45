"""The gradients of one optimiser step, one batch after the other: on a GPU, or with others."""

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
    """Adds up the gradients of the batches between two steps, over all processes; see Gradients."""

    def __init__(
        self,
        network: Network,
        loss_of: DetectionLoss,
        place: TrainingDevice,
        scaler: torch.amp.GradScaler,
        ranks: ProcessGroup,
    ) -> None:
        self._loss_of, self._place, self._scaler, self._ranks = loss_of, place, scaler, ranks
        self._network = network
        self._replica = _distributed(network) if ranks.size > 1 else None

    def add(self, batches: Sequence[Batch]) -> list[list[float]]:
        """Put the sum of all gradients into the network; return the loss's parts per batch.

        With several processes the batches are this one's, as many as everyone has, and the parts
        those of all, in the order of the epoch. The running statistics of batch normalisation
        become the mean over the processes.
        """
        parts = []
        for number, batch in enumerate(batches, 1):
            waits = self._replica is not None and number < len(batches)
            with self._replica.no_sync() if self._replica and waits else nullcontext():
                parts.append(self._descend(batch))
        self._ranks.average(statistics(self._network))
        of_all = self._ranks.gather(torch.stack(parts))  # (processes, batches, 4)
        numbers: list[list[float]] = of_all.transpose(0, 1).flatten(0, 1).tolist()
        return numbers

    def close(self) -> None:
        """Nothing is held that must be given back."""

    def _descend(self, batch: Batch) -> Tensor:
        images, targets = batch
        device = self._place.device
        with self._place.autocast():
            heads = (self._replica or self._network)(as_input(images, device))
        loss, parts = self._loss_of(heads, torch.from_numpy(targets).to(device))
        # processes are averaged, but batches are added up
        self._scaler.scale(loss * self._ranks.size).backward()  # type: ignore[no-untyped-call]
        return parts


def _distributed(network: Network) -> nn.parallel.DistributedDataParallel:
    return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)


def synchronised(network: Network, place: TrainingDevice) -> Network:
    """Return `network` with batch normalisation over the batches of all processes.

    Raises UsageError on a CPU, for which torch has no such thing.
    """
    if place.device.type != "cuda":
        raise UsageError(
            "sync_batchnorm: true given, but torch has it for GPUs only: give false, or larger "
            "batches"
        )
    return cast(Network, nn.SyncBatchNorm.convert_sync_batchnorm(network))  # type: ignore[no-untyped-call]
