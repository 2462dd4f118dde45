"""NVIDIA's driver through ctypes: the GPUs of this machine, and any call by its name.

Only the driver has to be installed, not CUDA.
"""

from __future__ import annotations

import ctypes
import re
from ctypes import byref, c_char_p, c_int, c_size_t
from dataclasses import dataclass

from detector.errors import FramelaneError, ModelError

LIBRARY = "libcuda.so.1"  # comes with the driver, also on a Jetson
_MAJOR, _MINOR, _INTEGRATED = 75, 76, 18  # CUdevice_attribute


class CudaError(FramelaneError):
    """A call of the driver failed."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU.

    number: the driver's number, from 0
    capability: (major, minor) compute capability
    integrated: whether it shares the CPU's memory, as on a Jetson
    """

    number: int
    name: str
    capability: tuple[int, int]
    memory_bytes: int
    integrated: bool

    @property
    def capability_name(self) -> str:
        """The compute capability as text, such as 8.6."""
        return "{}.{}".format(*self.capability)


class CudaDriver:
    """The driver's library, initialised."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.call("cuInit", 0)

    def call(self, function: str, *arguments: object) -> None:
        """Call a function of the library by its name. Raises CudaError if it fails."""
        code = getattr(self._library, function)(*arguments)
        if code != 0:
            reason = c_char_p()
            self._library.cuGetErrorString(code, byref(reason))
            text = (reason.value or b"unknown error").decode()
            raise CudaError(f"CUDA: {text} (error {code} of {function})")

    @property
    def version(self) -> tuple[int, int]:
        """The newest CUDA version that the driver supports: major, minor."""
        number = c_int()
        self.call("cuDriverGetVersion", byref(number))
        return number.value // 1000, number.value % 1000 // 10

    def gpus(self) -> tuple[Gpu, ...]:
        """Return all GPUs that this process may use."""
        count = c_int()
        self.call("cuDeviceGetCount", byref(count))
        return tuple(self._gpu(number) for number in range(count.value))

    def _gpu(self, number: int) -> Gpu:
        device, memory = c_int(), c_size_t()
        name = ctypes.create_string_buffer(256)
        self.call("cuDeviceGet", byref(device), number)
        self.call("cuDeviceGetName", name, len(name), device)
        self.call("cuDeviceTotalMem_v2", byref(memory), device)
        major, minor, integrated = (
            self._attribute(device, which) for which in (_MAJOR, _MINOR, _INTEGRATED)
        )
        return Gpu(number, name.value.decode(), (major, minor), memory.value, bool(integrated))

    def _attribute(self, device: c_int, which: int) -> int:
        value = c_int()
        self.call("cuDeviceGetAttribute", byref(value), which, device)
        return value.value


def find_driver(library: str = LIBRARY) -> CudaDriver | None:
    """Return the driver, or None if there is no driver or no GPU."""
    try:
        return CudaDriver(ctypes.CDLL(library))
    except (OSError, CudaError):  # no driver, or a driver on a machine without a GPU
        return None


def find_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that this process may use; none without a driver. Takes milliseconds."""
    driver = find_driver()
    return driver.gpus() if driver else ()


def gpu_number(device: str) -> int:
    """Return the number of a GPU: 0 for `cuda` or `gpu`; 1 for `cuda:1`, `gpu:1` or `1`.

    Raises ModelError for any other name.
    """
    match = re.fullmatch(r"(?:cuda|gpu)(?::(\d+))?|(\d+)", device.lower())
    if match is None:
        raise ModelError(
            f"'{device}' is not a name of an NVIDIA GPU: give cuda, or cuda:1 for the second GPU"
        )
    return int(match[1] or match[2] or 0)
