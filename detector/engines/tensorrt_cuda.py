"""CUDA for the slots of the TensorRT engine, through pycuda: memory, streams, events, a context.

The context is the GPU's primary one, which torch and others share. It is current on a thread only
inside `activated`: pycuda aborts the program if a thread ends with a context on its stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from ctypes import byref, c_void_p
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detector.engines.cuda_graph import CudaGraph
from detector.errors import ModelError
from detector.hardware.cuda_driver import CudaDriver, CudaError, Gpu, find_driver, gpu_number
from detector.kernels import device_frame

NON_BLOCKING = 1  # CUstream_flags: no waiting for the default stream, which others may use

HostArray = NDArray[Any]


class Closable(Protocol):
    """A resource of the GPU, to be released while its context is current."""

    def close(self) -> None: ...


class DeviceBuffer(Closable, Protocol):
    """Memory of the GPU."""

    address: int


class HostBuffer(Closable, Protocol):
    """Pinned memory of the CPU, which the GPU reads and writes directly."""

    array: HostArray


class Kernel(Closable, Protocol):
    """A program of ours on the GPU: see Stream.launch."""


class Graph(Closable, Protocol):
    """Recorded work, started by one call."""

    def launch(self) -> None: ...


class Stream(Closable, Protocol):
    """Work for the GPU, done in order. Only `wait` blocks."""

    handle: int

    def upload(self, target: DeviceBuffer, source: HostArray) -> None: ...

    def download(self, target: HostArray, source: DeviceBuffer) -> None: ...

    def follow(self, handle: int) -> None:
        """Let later work wait for what is on another stream now; 0: the default stream."""

    def launch(
        self, kernel: Kernel, grid: tuple[int, int], arguments: Sequence[int | float]
    ) -> None:
        """Run a kernel in a grid of blocks."""

    def mark(self) -> None:
        """Record an event after the work that is on the stream now."""

    def wait(self) -> None:
        """Sleep until the work before the last mark is done."""

    def capture(self, work: Callable[[], None]) -> Graph:
        """Return the graph of what `work` puts on the stream, without running it."""


class Cuda(Closable, Protocol):
    """One GPU. Call every method except `activated` and `close` inside `activated`."""

    gpu: Gpu

    def activated(self) -> AbstractContextManager[None]:
        """Make the context current on this thread while the block runs."""

    def device_buffer(self, size: int) -> DeviceBuffer: ...

    def host_buffer(self, shape: tuple[int, ...], dtype: type[np.generic]) -> HostBuffer: ...

    def stream(self) -> Stream: ...

    def kernel(self) -> Kernel:
        """Return the kernel that letterboxes frames."""


class PyCuda:
    """A GPU through pycuda; see Cuda. Raises CudaError if a call fails."""

    def __init__(self, gpu: Gpu, driver: CudaDriver, pycuda: Any) -> None:
        self.gpu = gpu
        self._driver = driver
        self._pycuda = pycuda
        with cuda_errors(pycuda):
            pycuda.init()
            self._context = pycuda.Device(gpu.number).retain_primary_context()

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Make the context current on this thread while the block runs."""
        with cuda_errors(self._pycuda):
            self._context.push()
            try:
                yield
            finally:
                self._context.pop()

    def device_buffer(self, size: int) -> PyCudaDeviceBuffer:
        """Return `size` bytes of GPU memory."""
        return PyCudaDeviceBuffer(self._pycuda, size)

    def host_buffer(self, shape: tuple[int, ...], dtype: type[np.generic]) -> PyCudaHostBuffer:
        """Return pinned memory of the CPU, as an array."""
        return PyCudaHostBuffer(self._pycuda, shape, dtype)

    def stream(self) -> PyCudaStream:
        """Return a new stream."""
        return PyCudaStream(self._pycuda, self._driver)

    def kernel(self) -> PyCudaKernel:
        """Compile the kernel for this GPU with nvcc; pycuda keeps the result in its cache."""
        from pycuda.compiler import SourceModule

        module = SourceModule(device_frame.SOURCE.read_text(), no_extern_c=True)
        function = module.get_function(device_frame.KERNEL)
        return PyCudaKernel(function.prepare(device_frame.FORMATS))

    def close(self) -> None:
        """Release the primary context, on any thread, outside `activated`.

        pycuda releases a context that another thread retained only if it is current on this one.
        Then pycuda expects that CUDA has popped it, but CUDA does not pop a primary context. So the
        context is pushed by pycuda, popped by CUDA alone, and then released.
        """
        with cuda_errors(self._pycuda):
            self._context.push()
            self._driver.call("cuCtxPopCurrent_v2", byref(c_void_p()))
            self._context.detach()


class PyCudaDeviceBuffer:
    """Memory of the GPU; see DeviceBuffer."""

    def __init__(self, pycuda: Any, size: int) -> None:
        self._allocation = pycuda.mem_alloc(size)
        self.address = int(self._allocation)

    def close(self) -> None:
        """Free the memory."""
        self._allocation.free()


class PyCudaHostBuffer:
    """Pinned memory of the CPU; see HostBuffer. Do not use the array after `close`."""

    def __init__(self, pycuda: Any, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self.array: HostArray = pycuda.pagelocked_empty(shape, dtype)
        self._allocation: Any = self.array.base

    def close(self) -> None:
        """Free the memory."""
        self._allocation.free()


class PyCudaKernel:
    """A compiled function with the types of its arguments; see Kernel."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def close(self) -> None:
        """Drop the reference: pycuda then unloads it."""
        self.function = None


class PyCudaStream:
    """A stream, and the event that `mark` records on it; see Stream."""

    def __init__(self, pycuda: Any, driver: CudaDriver) -> None:
        self._pycuda, self._driver = pycuda, driver
        self._stream = pycuda.Stream(NON_BLOCKING)
        flags = pycuda.event_flags
        self._event = pycuda.Event(flags.BLOCKING_SYNC | flags.DISABLE_TIMING)
        self._followed = pycuda.Event(flags.BLOCKING_SYNC | flags.DISABLE_TIMING)
        self.handle = int(self._stream.handle)

    def upload(self, target: DeviceBuffer, source: HostArray) -> None:
        """Copy pinned memory to the GPU."""
        self._pycuda.memcpy_htod_async(target.address, source, self._stream)

    def download(self, target: HostArray, source: DeviceBuffer) -> None:
        """Copy from the GPU into pinned memory."""
        self._pycuda.memcpy_dtoh_async(target, source.address, self._stream)

    def follow(self, handle: int) -> None:
        """Record an event on the other stream, and let this one wait for it, on the GPU."""
        event = c_void_p(self._followed.handle)
        self._driver.call("cuEventRecord", event, c_void_p(handle))
        self._driver.call("cuStreamWaitEvent", c_void_p(self.handle), event, 0)

    def launch(
        self, kernel: Kernel, grid: tuple[int, int], arguments: Sequence[int | float]
    ) -> None:
        """Run a kernel of ours."""
        assert isinstance(kernel, PyCudaKernel)
        block = (*device_frame.BLOCK, 1)
        kernel.function.prepared_async_call((*grid, 1), block, self._stream, *arguments)

    def mark(self) -> None:
        """Record the event."""
        self._event.record(self._stream)

    def wait(self) -> None:
        """Wait for the last mark; the GIL is released."""
        self._event.synchronize()

    def capture(self, work: Callable[[], None]) -> CudaGraph:
        """Return the graph of what `work` puts on the stream."""
        return CudaGraph.capture(self._driver, self.handle, work)

    def close(self) -> None:
        """Drop the references to both: pycuda then releases them."""
        self._event = self._followed = self._stream = None


def open_cuda(device: str = "cuda") -> PyCuda:
    """Return a GPU: cuda, or cuda:1 for the second. Raises ModelError if it cannot be used."""
    number = gpu_number(device)
    driver = find_driver()
    gpus = driver.gpus() if driver else ()
    if driver is None or not gpus:
        raise ModelError(
            f"no device '{device}': TensorRT needs an NVIDIA GPU and its driver, and none was "
            "found: install the driver, or choose another engine"
        )
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
def cuda_errors(pycuda: Any) -> Iterator[None]:
    """Raise the exceptions of pycuda in the block as CudaError."""
    try:
        yield
    except pycuda.Error as error:
        raise CudaError(f"CUDA: {error}") from error
