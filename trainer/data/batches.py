"""One epoch in batches: every image once, in an order that a seed decides, made ahead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from detector.detections import Float32Array, Int64Array, UInt8Array
from trainer.data.prefetch import Batch, by_processes, by_threads


class Augmented(Protocol):
    """Images ready for training, the same again for the same position and epoch."""

    def __len__(self) -> int:
        """Return the number of images in an epoch."""

    def augmented(self, index: int, epoch: int) -> Batch:
        """Return (h, w, 3) uint8 RGB and (n, 5) float32 class, cx, cy, w, h, normalised."""


class Change(Protocol):
    """What is done to a whole batch, the same again for the same epoch and number."""

    def __call__(self, images: UInt8Array, targets: Float32Array, epoch: int, number: int) -> Batch:
        """Return the changed batch, of which this is the `number`-th of its epoch."""


def batch_count(augmenter: int, batch_size: int) -> int:
    """Return the number of batches in an epoch; the last may be smaller."""
    return -(-augmenter // batch_size)


def batches_per_process(batches: int, ranks: int) -> int:
    """Return the number of batches that each of `ranks` processes makes of an epoch."""
    return -(-batches // ranks)


def batches(
    augmenter: Augmented,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    start: int = 0,
    workers: int = 1,
    forked: bool = False,
    change: Change | None = None,
    rank: int = 0,
    ranks: int = 1,
) -> Iterator[Batch]:
    """Yield the batches of an epoch from position `start` on, the same whatever came before.

    A batch is images (b, h, w, 3) uint8 RGB and targets (m, 6) float32: position of the image in
    the batch, class, cx, cy, w, h, normalised. The order follows from seed and epoch alone. As
    many threads as `workers` say, or processes if `forked`, make the batches ahead; with 0 they
    are made when asked for. Of several `ranks` each yields every so many-th batch, all the same
    number: the first ones come again if need be.
    """
    order = np.random.default_rng((seed, epoch)).permutation(len(augmenter))
    count = batch_count(len(order), batch_size)
    chosen = range(start + rank, start + batches_per_process(count - start, ranks) * ranks, ranks)

    def make(number: int) -> Batch:
        number %= count
        positions = order[number * batch_size : (number + 1) * batch_size]
        images, targets = _batch(augmenter, positions, epoch)
        return change(images, targets, epoch, number) if change else (images, targets)

    if workers == 0:
        yield from map(make, chosen)
    else:
        yield from (by_processes if forked else by_threads)(make, chosen, workers)


def _batch(augmenter: Augmented, positions: Int64Array, epoch: int) -> Batch:
    made = [augmenter.augmented(int(position), epoch) for position in positions]
    targets = [np.insert(target, 0, i, axis=1) for i, (_, target) in enumerate(made)]
    return np.stack([image for image, _ in made]), np.concatenate(targets)
