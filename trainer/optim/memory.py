"""How much memory a training has taken so far."""

from __future__ import annotations

import resource
import sys

import torch

_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in what the system counts in


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that were in use at the same time: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
