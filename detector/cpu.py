"""What this processor is and can do, as the kernel tells it."""

from __future__ import annotations

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS = ("flags", "Features")  # as x86 and Arm call them


def cpu_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """Return the names of the instruction sets, none where the kernel does not tell."""
    return frozenset(_first(cpuinfo, *_FLAGS).split())


def cpu_name(cpuinfo: Path = _CPUINFO) -> str:
    """Return the model's name, or the architecture where the kernel does not tell."""
    return _first(cpuinfo, "model name", "Model") or platform.machine()


def _first(cpuinfo: Path, *keys: str) -> str:
    if not cpuinfo.is_file():
        return ""
    for line in cpuinfo.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in keys:
            return value.strip()
    return ""
