"""What this processor is and can do, as the kernel tells it."""

from __future__ import annotations

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS = ("flags", "Features")  # as x86 and Arm call them
_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # the last is Arm's


def cpu_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """Return the names of the instruction sets, none where the kernel does not tell."""
    return frozenset(_first(cpuinfo, *_FLAGS).split())


def computes_bf16(cpuinfo: Path = _CPUINFO) -> bool:
    """Return whether it multiplies in bfloat16: where it does not, that is slower than float32."""
    return bool(_BF16 & cpu_flags(cpuinfo))


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
