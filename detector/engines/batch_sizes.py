"""The batch sizes that an engine on a GPU is prepared for."""

from __future__ import annotations

from detector.manifest import Manifest


def batch_sizes(manifest: Manifest) -> tuple[int, ...]:
    """Return 1, 2, 4 and so on up to `max_batch`, or the only size that the model accepts.

    Each size has a CUDA graph and memory of its own, so not every size is prepared. A batch between
    two sizes runs as the larger one; its last images are those of an earlier batch.
    """
    if not manifest.dynamic_batch:
        return (manifest.max_batch,)
    powers = (1 << i for i in range(manifest.max_batch.bit_length()))
    return tuple(sorted({*powers, manifest.max_batch}))
