"""Batches of an epoch: each image once, in an order that follows from the seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from detector.detections import Float32Array, Int64Array, UInt8Array
from trainer.data.prefetch import Batch, by_processes, by_threads


class Augmented(Protocol):
    """Augmented images; the same position and epoch always give the same image."""

    def __len__(self) -> int:
        """Return the number of images in an epoch."""

    def augmented(self, index: int, epoch: int) -> Batch:
        """Return (h, w, 3) uint8 RGB and (n, 5) float32: class, cx, cy, w, h, normalised."""


class BatchTransform(Protocol):
    """A change of a whole batch; the same epoch and number always give the same change."""

    def __call__(self, images: UInt8Array, targets: Float32Array, epoch: int, number: int) -> Batch:
        """Return the changed batch, batch `number` of its epoch."""


def batch_count(images: int, batch_size: int) -> int:
    """Return the number of batches in an epoch; the last may be smaller."""
    return -(-images // batch_size)


def batches_per_process(batches: int, processes: int) -> int:
    """Return the number of batches of an epoch that each process makes."""
    return -(-batches // processes)


def batches(
    augmenter: Augmented,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    start: int = 0,
    workers: int = 1,
    forked: bool = False,
    transform: BatchTransform | None = None,
    rank: int = 0,
    processes: int = 1,
) -> Iterator[Batch]:
    """Yield the batches of an epoch from batch number `start` on.

    A batch is images (b, h, w, 3) uint8 RGB and targets (m, 6) float32: index of the image in the
    batch, class, cx, cy, w, h, normalised. The order follows from seed and epoch alone.
    workers: threads, or processes if `forked`, that make batches ahead; 0: made when asked for
    rank, processes: process `rank` takes every `processes`-th batch. Every process takes the same
    number of batches; if they do not divide evenly, the last ones are the first of the epoch again.
    """
    order = np.random.default_rng((seed, epoch)).permutation(len(augmenter))
    count = batch_count(len(order), batch_size)
    share = batches_per_process(count - start, processes)
    chosen = range(start + rank, start + share * processes, processes)

    def make(number: int) -> Batch:
        number %= count
        positions = order[number * batch_size : (number + 1) * batch_size]
        images, targets = _batch(augmenter, positions, epoch)
        return transform(images, targets, epoch, number) if transform else (images, targets)

    if workers == 0:
        yield from map(make, chosen)
    else:
        yield from (by_processes if forked else by_threads)(make, chosen, workers)


def _batch(augmenter: Augmented, positions: Int64Array, epoch: int) -> Batch:
    made = [augmenter.augmented(int(position), epoch) for position in positions]
    targets = [np.insert(target, 0, i, axis=1) for i, (_, target) in enumerate(made)]
    return np.stack([image for image, _ in made]), np.concatenate(targets)
