"""The speed of an engine alone."""

from __future__ import annotations

from collections import deque
from time import perf_counter

import numpy as np

from detector.detections import UInt8Array
from detector.engines import Engine


def in_flight(engine: Engine, images: UInt8Array, batches: int, slots: int) -> float:
    """Return the seconds per batch with `slots` batches in flight."""
    waiting = deque(engine.submit(images) for _ in range(slots))
    began_at = perf_counter()
    for _ in range(batches):
        waiting.popleft().result()
        waiting.append(engine.submit(images))
    seconds = (perf_counter() - began_at) / batches
    for pending in waiting:
        pending.result()
    return seconds


def noise(engine: Engine, batch: int) -> UInt8Array:
    """Return random images of the engine's input size: speed does not depend on content."""
    shape = (batch, *engine.manifest.input_size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
