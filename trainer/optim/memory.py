"""The peak memory of a training."""

from __future__ import annotations

import resource
import sys

import torch

_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes per unit of the system's count


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes: of the GPU, or else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
