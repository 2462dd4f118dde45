"""How busy NVIDIA's GPUs are: the management library of the driver (NVML) through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import byref, c_int, c_uint, c_void_p

from detector.errors import FramelaneError
from detector.hardware.cuda_driver import CudaDriver, find_driver

LIBRARY = "libnvidia-ml.so.1"  # comes with the driver; not on every Jetson
_BUS_ID_BYTES = 32


class NvmlError(FramelaneError):
    """A call of the library failed."""


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", c_uint), ("memory", c_uint))  # percent of the last moments


class GpuLoad:
    """The load of some GPUs, by all programs that use them.

    library: NVML
    bus_ids: of the GPUs; NVML counts also those that this process may not use
    Raises NvmlError if the library cannot say how busy one of them is.
    """

    def __init__(self, library: ctypes.CDLL, bus_ids: Sequence[bytes]) -> None:
        self._library = library
        self._call("nvmlInit_v2")
        self._devices = [c_void_p() for _ in bus_ids]
        for device, bus_id in zip(self._devices, bus_ids, strict=True):
            self._call("nvmlDeviceGetHandleByPciBusId_v2", bus_id, byref(device))
        self.busy()

    def busy(self) -> list[float]:
        """Return for each GPU the share of time, 0 to 1, in which it worked lately."""
        found = []
        for device in self._devices:
            used = _Utilization()
            self._call("nvmlDeviceGetUtilizationRates", device, byref(used))
            found.append(used.gpu / 100)
        return found

    def _call(self, function: str, *arguments: object) -> None:
        code = getattr(self._library, function)(*arguments)
        if code != 0:
            raise NvmlError(f"NVML: error {code} of {function}")


def find_gpu_load() -> GpuLoad | None:
    """Return the load of the GPUs that this process may use; None if it cannot be known."""
    driver = find_driver()
    if driver is None:
        return None
    try:
        return GpuLoad(ctypes.CDLL(LIBRARY), [_bus_id(driver, gpu.number) for gpu in driver.gpus()])
    except (OSError, FramelaneError):  # no NVML, or a GPU that is divided (MIG)
        return None


def _bus_id(driver: CudaDriver, number: int) -> bytes:
    """Return the address of a GPU on the PCI bus, such as 0000:65:00.0."""
    device, name = c_int(), ctypes.create_string_buffer(_BUS_ID_BYTES)
    driver.call("cuDeviceGet", byref(device), number)
    driver.call("cuDeviceGetPCIBusId", name, len(name), device)
    return name.value
