"""Making ahead what is wanted next, in order: by threads, or by processes."""

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
    """Yield what `make` makes of each number. Costs nothing, but all share one interpreter."""
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as threads:
        waiting: deque[Future[Batch]] = deque()
        try:
            for number in numbers:
                waiting.append(threads.submit(make, number))
                if len(waiting) > 2 * workers:  # each thread has its next while one is consumed
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:  # the consumer left early
                future.cancel()


def by_processes(make: Make, numbers: Sequence[int], workers: int) -> Iterator[Batch]:
    """Yield what `make` makes of each number, in forks of this process.

    They leave the interpreter to whoever consumes: a GPU waits for nothing else than to be told
    what to do. What comes back lies in shared memory.
    """
    loader: DataLoader[Any] = DataLoader(
        _Made(make, numbers),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="fork",  # images in memory are not copied
        generator=torch.Generator(),  # it draws a number: not one of the training's
    )
    for images, targets in loader:
        yield images.numpy(), targets.numpy()


class _Made(Dataset[Batch]):
    """What is made of numbers, by position."""

    def __init__(self, make: Make, numbers: Sequence[int]) -> None:
        self._make, self._numbers = make, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, position: int) -> Batch:
        return self._make(self._numbers[position])
