"""Batches prepared ahead, in order, by threads or by processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from detector.detections import Float32Array, UInt8Array

Batch = tuple[UInt8Array, Float32Array]
Make = Callable[[int], Batch]


def by_threads(make: Make, numbers: Sequence[int], workers: int) -> Iterator[Batch]:
    """Yield `make(number)` for each number, made by threads, which share the interpreter lock."""
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as threads:
        waiting: deque[Future[Batch]] = deque()
        try:
            for number in numbers:
                waiting.append(threads.submit(make, number))
                if len(waiting) > 2 * workers:  # so that each thread has its next batch to work on
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:  # the consumer stopped early
                future.cancel()


def by_processes(make: Make, numbers: Sequence[int], workers: int) -> Iterator[Batch]:
    """Yield `make(number)` for each number, made by forks of this process.

    They leave the interpreter lock to the consumer, so that a GPU does not wait for its commands.
    Batches are returned in shared memory.
    """
    loader: DataLoader[Any] = DataLoader(
        _Made(make, numbers),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="fork",  # cached images are not copied
        generator=torch.Generator(),  # the loader draws from it, not from the training's generator
    )
    for images, targets in loader:
        yield images.numpy(), targets.numpy()


class _Made(Dataset[Batch]):
    """The made batches by position."""

    def __init__(self, make: Make, numbers: Sequence[int]) -> None:
        self._make, self._numbers = make, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, position: int) -> Batch:
        return self._make(self._numbers[position])
