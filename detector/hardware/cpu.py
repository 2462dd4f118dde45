"""Name and features of this processor, as the kernel reports them."""

from __future__ import annotations

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_FLAGS = ("flags", "Features")  # on x86 and on Arm
_X86 = {"x86_64", "amd64"}
_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # the last one on Arm


def cpu_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """Return the names of the instruction sets; empty if the kernel does not report them."""
    return frozenset(_first(cpuinfo, *_FLAGS).split())


def computes_bf16(cpuinfo: Path = _CPUINFO) -> bool:
    """Return whether the CPU has bfloat16 instructions: without, bf16 is slower than fp32."""
    return bool(_BF16 & cpu_flags(cpuinfo))


def int8_pays(machine: str | None = None) -> bool:
    """Return whether OpenVINO is faster in INT8 on a processor of this kind; None: on this one.

    Measured on x86 with and without VNNI (docs/engines.md), and not on Arm.
    """
    return (machine or platform.machine()).lower() in _X86


def cpu_name(cpuinfo: Path = _CPUINFO) -> str:
    """Return the CPU's model name, or its architecture if the kernel reports none."""
    return _first(cpuinfo, "model name", "Model") or platform.machine()


def _first(cpuinfo: Path, *keys: str) -> str:
    if not cpuinfo.is_file():
        return ""
    for line in cpuinfo.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in keys:
            return value.strip()
    return ""
