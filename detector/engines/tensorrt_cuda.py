"""CUDA as a slot of the TensorRT engine needs it, by pycuda: memory, streams, events, a context.

The context is the GPU's primary one, which torch and others share. It is current on a thread only
inside `activated`: pycuda ends the program if a thread ends with a context still on its stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from ctypes import byref, c_void_p
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detector.engines.cuda_graph import CudaGraph
from detector.errors import ModelError
from detector.hardware.cuda_driver import CudaDriver, CudaError, Gpu, find_driver, gpu_number

NON_BLOCKING = 1  # CUstream_flags: no waiting for the default stream, on which others may work

HostArray = NDArray[Any]


class Closable(Protocol):
    """Something of the GPU's, to be released while its context is current."""

    def close(self) -> None: ...


class DeviceBuffer(Closable, Protocol):
    """Memory of the GPU."""

    address: int


class HostBuffer(Closable, Protocol):
    """Memory of the CPU that the GPU reads and writes by itself."""

    array: HostArray


class Graph(Closable, Protocol):
    """Work that is started as a whole."""

    def launch(self) -> None: ...


class Stream(Closable, Protocol):
    """Work for the GPU, in order. Nothing here waits for it, but `wait`."""

    handle: int

    def upload(self, target: DeviceBuffer, source: HostArray) -> None: ...

    def download(self, target: HostArray, source: DeviceBuffer) -> None: ...

    def mark(self) -> None:
        """Note how far the work is that was put on it until now."""

    def wait(self) -> None:
        """Wait for what was put on it until the last mark, asleep."""

    def capture(self, work: Callable[[], None]) -> Graph:
        """Return what `work` puts on it as a graph, without doing it."""


class Cuda(Closable, Protocol):
    """One GPU. All but `activated` is to be called inside of that."""

    gpu: Gpu

    def activated(self) -> AbstractContextManager[None]:
        """Make the context current for this thread, as long as the block runs."""

    def device_buffer(self, size: int) -> DeviceBuffer: ...

    def host_buffer(self, shape: tuple[int, ...], kind: type[np.generic]) -> HostBuffer: ...

    def stream(self) -> Stream: ...


class PyCuda:
    """A GPU through pycuda; see Cuda. Raises CudaError for whatever CUDA would not do."""

    def __init__(self, gpu: Gpu, driver: CudaDriver, pycuda: Any) -> None:
        self.gpu = gpu
        self._driver = driver
        self._pycuda = pycuda
        with translated(pycuda):
            pycuda.init()
            self._context = pycuda.Device(gpu.number).retain_primary_context()

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Make the context current for this thread, as long as the block runs."""
        with translated(self._pycuda):
            self._context.push()
            try:
                yield
            finally:
                self._context.pop()

    def device_buffer(self, size: int) -> PyCudaDeviceBuffer:
        """Return memory of the GPU, of so many bytes."""
        return PyCudaDeviceBuffer(self._pycuda, size)

    def host_buffer(self, shape: tuple[int, ...], kind: type[np.generic]) -> PyCudaHostBuffer:
        """Return pinned memory of the CPU, as an array."""
        return PyCudaHostBuffer(self._pycuda, shape, kind)

    def stream(self) -> PyCudaStream:
        """Return a new stream."""
        return PyCudaStream(self._pycuda, self._driver)

    def close(self) -> None:
        """Give the primary context back, on any thread, outside of `activated`.

        pycuda releases it elsewhere than where it was retained only if it is current. It takes
        for granted that CUDA then has it current no longer, which is not so for a primary one.
        """
        with translated(self._pycuda):
            self._context.push()
            self._driver.call("cuCtxPopCurrent_v2", byref(c_void_p()))
            self._context.detach()


class PyCudaDeviceBuffer:
    """Memory of the GPU; see DeviceBuffer."""

    def __init__(self, pycuda: Any, size: int) -> None:
        self._allocation = pycuda.mem_alloc(size)
        self.address = int(self._allocation)

    def close(self) -> None:
        """Free it."""
        self._allocation.free()


class PyCudaHostBuffer:
    """Pinned memory of the CPU; see HostBuffer. The array must not be touched once it is closed."""

    def __init__(self, pycuda: Any, shape: tuple[int, ...], kind: type[np.generic]) -> None:
        self.array: HostArray = pycuda.pagelocked_empty(shape, kind)
        self._allocation: Any = self.array.base

    def close(self) -> None:
        """Free it."""
        self._allocation.free()


class PyCudaStream:
    """A stream and the event that marks how far it is; see Stream."""

    def __init__(self, pycuda: Any, driver: CudaDriver) -> None:
        self._pycuda, self._driver = pycuda, driver
        self._stream = pycuda.Stream(NON_BLOCKING)
        flags = pycuda.event_flags
        self._event = pycuda.Event(flags.BLOCKING_SYNC | flags.DISABLE_TIMING)
        self.handle = int(self._stream.handle)

    def upload(self, target: DeviceBuffer, source: HostArray) -> None:
        """Copy pinned memory to the GPU."""
        self._pycuda.memcpy_htod_async(target.address, source, self._stream)

    def download(self, target: HostArray, source: DeviceBuffer) -> None:
        """Copy from the GPU into pinned memory."""
        self._pycuda.memcpy_dtoh_async(target, source.address, self._stream)

    def mark(self) -> None:
        """Note how far the work is."""
        self._event.record(self._stream)

    def wait(self) -> None:
        """Wait for the last mark. Other Python threads run meanwhile."""
        self._event.synchronize()

    def capture(self, work: Callable[[], None]) -> CudaGraph:
        """Return what `work` puts on it as a graph."""
        return CudaGraph.capture(self._driver, self.handle, work)

    def close(self) -> None:
        """Release both: pycuda does so when nothing refers to them."""
        self._event = self._stream = None


def open_cuda(device: str = "cuda") -> PyCuda:
    """Return a GPU: cuda, or cuda:1 for the second. Raises ModelError if it cannot be used."""
    number = gpu_number(device)
    driver = find_driver()
    gpus = driver.gpus() if driver else ()
    if driver is None or not gpus:
        raise ModelError("TensorRT needs an NVIDIA GPU and its driver, and none is found here")
    if number >= len(gpus):
        known = ", ".join(f"cuda:{gpu.number} ({gpu.name})" for gpu in gpus)
        raise ModelError(f"no device '{device}': choose one of {known}")
    try:
        import pycuda.driver as pycuda
    except ImportError as error:
        raise ModelError(
            f"TensorRT needs pycuda: install the project with its extra `gpu` ({error})"
        ) from error
    return PyCuda(gpus[number], driver, pycuda)


@contextmanager
def translated(pycuda: Any) -> Iterator[None]:
    """Raise what pycuda raises as a CudaError."""
    try:
        yield
    except pycuda.Error as error:
        raise CudaError(f"CUDA: {error}") from error
