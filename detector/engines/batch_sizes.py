"""Which batches an engine on a GPU is made ready for."""

from __future__ import annotations

from detector.manifest import Manifest


def batch_sizes(manifest: Manifest) -> tuple[int, ...]:
    """Return 1, 2, 4 and so on up to `max_batch`, or the only size that the model takes.

    Each is a graph with memory of its own, so not all are had; a batch between two of them runs as
    the larger one, its last pictures being whatever was there.
    """
    if not manifest.dynamic_batch:
        return (manifest.max_batch,)
    powers = (1 << i for i in range(manifest.max_batch.bit_length()))
    return tuple(sorted({*powers, manifest.max_batch}))
