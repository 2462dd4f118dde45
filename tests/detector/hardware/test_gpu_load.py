"""The load of GPUs, from an imitation of NVIDIA's management library; no GPU is needed."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any, cast

import pytest

from detector.hardware.gpu_load import GpuLoad, NvmlError, find_gpu_load

NOT_SUPPORTED = 3  # NVML's answer for a GPU that is divided (MIG)


class Nvml:
    """Three GPUs, by their address on the bus; each call fills what its arguments point to."""

    def __init__(self) -> None:
        self.percent = {b"0000:01:00.0": 90, b"0000:02:00.0": 35, b"0000:03:00.0": 0}
        self.answer = 0
        functions = SimpleNamespace(
            nvmlInit_v2=lambda: 0,
            nvmlDeviceGetHandleByPciBusId_v2=self.find,
            nvmlDeviceGetUtilizationRates=self.measure,
        )
        self.library = cast(ctypes.CDLL, functions)

    def find(self, bus_id: bytes, device: Any) -> int:
        device._obj.value = 1 + list(self.percent).index(bus_id)
        return 0

    def measure(self, device: ctypes.c_void_p, used: Any) -> int:
        used._obj.gpu = list(self.percent.values())[(device.value or 0) - 1]
        return self.answer


def test_only_the_gpus_that_are_asked_for_are_measured() -> None:
    nvml = Nvml()
    load = GpuLoad(nvml.library, [b"0000:02:00.0", b"0000:01:00.0"])
    assert load.busy() == [0.35, 0.9]
    nvml.percent[b"0000:02:00.0"] = 100
    assert load.busy() == [1.0, 0.9]


def test_a_gpu_that_does_not_say_how_busy_it_is_is_an_error() -> None:
    nvml = Nvml()
    nvml.answer = NOT_SUPPORTED
    with pytest.raises(NvmlError, match=r"NVML: error 3 of nvmlDeviceGetUtilizationRates"):
        GpuLoad(nvml.library, [b"0000:01:00.0"])


def test_a_machine_without_a_gpu_has_no_load_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # also where there is one
    assert find_gpu_load() is None
