"""The processes of a training: one, or as many as torchrun has started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

PATIENCE = timedelta(days=1)  # all wait for the first while it judges and exports


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """Which of how many processes this one is. The first one writes, and speaks.

    rank: from 0; size: how many; local: which on this machine; per_machine: how many on it
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    per_machine: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def gather(self, mine: Tensor) -> Tensor:
        """Return the tensors of all processes, (size, ...), to each of them."""
        if self.size == 1:
            return mine[None]
        gathered = [torch.empty_like(mine) for _ in range(self.size)]
        distributed.all_gather(gathered, mine)
        return torch.stack(gathered)

    def average(self, tensors: list[Tensor]) -> None:
        """Put the mean over all processes into each of the tensors."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.size
        means = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view_as(tensor))


def is_first_process() -> bool:
    """Whether this process is alone, or the first that torchrun started: the one that speaks."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def join_process_group(device: torch.device) -> Iterator[ProcessGroup]:
    """Meet the other processes that torchrun started, until the block ends; or be alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup()
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield ProcessGroup(
            int(os.environ["RANK"]),
            size,
            int(os.environ["LOCAL_RANK"]),
            int(os.environ["LOCAL_WORLD_SIZE"]),
        )
    finally:
        distributed.destroy_process_group()
