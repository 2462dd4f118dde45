"""A GPU in numpy: does what pycuda and TensorRT do for a slot, and checks the rules of CUDA.

Work on a stream is done when the stream is waited for, and not before. So code that reads a result
too early, or overwrites memory that is still to be read, fails here as it would on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from threading import get_ident
from typing import Any

import numpy as np

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.tensorrt_cuda import DeviceBuffer, HostArray, Kernel
from detector.errors import FramelaneError
from detector.hardware.cuda_driver import CudaError, Gpu
from detector.letterbox import Letterbox
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes

Work = Callable[[], None]
BLOCK = 1 << 20  # addresses between two blocks of memory
TENSORS = ("images", "boxes", "scores")


class CudaTwin:
    """See Cuda. Records what is held; one chosen call can be made to fail.

    fails_at: number of the call that raises CudaError, counted from 0; None: no call
    """

    def __init__(self, fails_at: int | None = None) -> None:
        self.gpu = Gpu(0, "twin", (8, 6), 1 << 30, integrated=False)
        self.held: list[object] = [self]
        self.calls = 0
        self.called: list[str] = []
        self.fails_at = fails_at
        self.cannot_wait = False
        self.streams: dict[int, StreamTwin] = {}
        self.memory: dict[int, bytearray] = {}
        self._numbers = count(1)
        self._active: list[int] = []  # threads on which the context is current

    @contextmanager
    def activated(self) -> Iterator[None]:
        assert self in self.held, "the context is released"
        self._active.append(get_ident())
        try:
            yield
        finally:
            self._active.remove(get_ident())

    def device_buffer(self, size: int) -> DeviceBufferTwin:
        return DeviceBufferTwin(self, size)

    def host_buffer(self, shape: tuple[int, ...], dtype: type[np.generic]) -> HostBufferTwin:
        return HostBufferTwin(self, shape, dtype)

    def stream(self) -> StreamTwin:
        return StreamTwin(self)

    def kernel(self) -> KernelTwin:
        self.call("SourceModule")
        return KernelTwin(self)

    def bytes_at(self, address: int, size: int) -> memoryview:
        """Return memory from an address on; it must all be in one block that is not released."""
        base = address // BLOCK * BLOCK
        assert base in self.memory, "this memory was released"
        start = address - base
        assert start + size <= len(self.memory[base]), "beyond the end of the memory"
        return memoryview(self.memory[base])[start : start + size]

    def close(self) -> None:
        assert get_ident() not in self._active, "the context is still current"
        self.held.remove(self)

    def call(self, what: str) -> None:
        """Check that the context is current, count the call, and raise if it is `fails_at`."""
        assert get_ident() in self._active, f"{what}: the context is not current on this thread"
        number, self.calls = self.calls, self.calls + 1
        self.called.append(what)
        if number == self.fails_at:
            self.cannot_wait = what.startswith("Event")
            raise CudaError(f"CUDA: {what} failed")

    def hold(self, thing: object) -> int:
        """Record that something is held, and return a unique address."""
        self.held.append(thing)
        return BLOCK * next(self._numbers)

    def release(self, thing: object) -> None:
        """Record the release, which must happen once, with the context current."""
        assert get_ident() in self._active, "released without a context"
        self.held.remove(thing)


class DeviceBufferTwin:
    def __init__(self, cuda: CudaTwin, size: int) -> None:
        cuda.call("mem_alloc")
        self._cuda = cuda
        self.address = cuda.hold(self)
        cuda.memory[self.address] = bytearray(size)

    def close(self) -> None:
        self._cuda.release(self)
        del self._cuda.memory[self.address]


class HostBufferTwin:
    def __init__(self, cuda: CudaTwin, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        cuda.call("pagelocked_empty")
        self._cuda = cuda
        cuda.hold(self)
        self.array: HostArray = np.empty(shape, dtype)

    def close(self) -> None:
        self._cuda.release(self)
        self.array.view(np.uint8)[:] = 0xEE  # a reader of released memory must notice


class StreamTwin:
    def __init__(self, cuda: CudaTwin) -> None:
        cuda.call("Stream")
        self._cuda = cuda
        self.handle = cuda.hold(self)
        cuda.streams[self.handle] = self
        self._waiting: list[Work] = []
        self._marked = 0
        self.done = 0  # works that were done
        self._captured: list[Work] | None = None

    @property
    def captures(self) -> bool:
        """Whether work goes into a graph."""
        return self._captured is not None

    def put(self, work: Work) -> None:
        """Do the work when the stream is waited for, or, during a capture, when the graph runs."""
        (self._waiting if self._captured is None else self._captured).append(work)

    def upload(self, target: DeviceBuffer, source: HostArray) -> None:
        self._cuda.call("memcpy_htod_async")
        assert source.flags.c_contiguous
        self.put(lambda: self._write(target.address, source.tobytes()))

    def download(self, target: HostArray, source: DeviceBuffer) -> None:
        self._cuda.call("memcpy_dtoh_async")
        assert target.flags.c_contiguous

        def copy() -> None:
            memory = self._cuda.memory[source.address]
            target[:] = np.frombuffer(memory, target.dtype, target.size).reshape(target.shape)

        self.put(copy)

    def follow(self, handle: int) -> None:
        self._cuda.call("cuStreamWaitEvent")
        other = self._cuda.streams[handle]
        marked = len(other._waiting)
        done = other.done
        self.put(lambda: other.run_to(done + marked))

    def launch(
        self, kernel: Kernel, grid: tuple[int, int], arguments: Sequence[int | float]
    ) -> None:
        self._cuda.call("cuLaunchKernel")
        assert isinstance(kernel, KernelTwin)
        self.put(lambda: kernel.run(self._cuda, arguments))

    def run_to(self, count: int) -> None:
        """Do the work up to the one with this number since the stream was made."""
        while self.done < count:
            self.done += 1
            self._waiting.pop(0)()

    def mark(self) -> None:
        self._cuda.call("Event.record")
        self._marked = len(self._waiting)

    def wait(self) -> None:
        self._cuda.call("Event.synchronize")
        marked, self._marked = self._marked, 0
        self.run_to(self.done + marked)

    def capture(self, work: Work) -> GraphTwin:
        self._cuda.call("cuStreamBeginCapture")
        captured: list[Work] = []
        self._captured = captured
        try:
            work()
        finally:
            self._captured = None
        return GraphTwin(self._cuda, self, captured)

    def close(self) -> None:
        assert not self._waiting or self._cuda.cannot_wait, "released with work on it"
        self._cuda.release(self)
        del self._cuda.streams[self.handle]

    def _write(self, address: int, content: bytes) -> None:
        memory = self._cuda.memory[address]
        assert len(content) <= len(memory)
        memory[: len(content)] = content


class KernelTwin:
    """The kernel of detector/kernels, in numpy: see `arguments` there."""

    def __init__(self, cuda: CudaTwin) -> None:
        self._cuda = cuda
        cuda.hold(self)

    def close(self) -> None:
        self._cuda.release(self)

    def run(self, cuda: CudaTwin, arguments: Sequence[int | float]) -> None:
        """Letterbox one frame, reading and writing the memory as it is now."""
        luma, chroma, luma_pitch, chroma_pitch, width, height, *middle, out = map(int, arguments)
        out_width, out_height = middle[8:10]
        rows, columns = (height + 1) // 2, (width + 1) // 2
        grey = np.frombuffer(cuda.bytes_at(luma, height * luma_pitch), np.uint8)
        pairs = np.frombuffer(cuda.bytes_at(chroma, rows * chroma_pitch), np.uint8)
        pairs = pairs.reshape(rows, chroma_pitch)[:, : 2 * columns]
        planes = Planes(
            ColourSpace(),
            grey.reshape(height, luma_pitch)[:, :width].copy(),
            pairs[:, ::2].copy(),
            pairs[:, 1::2].copy(),
        )
        letterbox = Letterbox.fit((height, width), (out_height, out_width))
        image = letterbox.apply_to_planes(planes)
        cuda.bytes_at(out, image.nbytes)[:] = image.tobytes()


class GraphTwin:
    def __init__(self, cuda: CudaTwin, stream: StreamTwin, works: list[Work]) -> None:
        cuda.call("cuGraphInstantiate")
        self._cuda, self._stream, self._works = cuda, stream, works
        cuda.hold(self)

    def launch(self) -> None:
        self._cuda.call("cuGraphLaunch")
        for work in self._works:
            self._stream.put(work)

    def close(self) -> None:
        self._cuda.release(self)
        self._works = []


class PlanTwin:
    """A loaded plan, see Executable, whose results are those of a function of the images.

    runs: whether TensorRT accepts a batch; captures: whether it does during a graph capture
    """

    scratch_bytes = 1000

    def __init__(
        self, cuda: CudaTwin, answer: Callable[[UInt8Array], Candidates], *, captures: bool = True
    ) -> None:
        self._cuda, self._answer = cuda, answer
        self.runs, self.captures = True, captures
        self.contexts = self.contexts_alive = 0
        cuda.call("deserialize_cuda_engine")
        cuda.hold(self)

    def context(self) -> ContextTwin:
        self._cuda.call("create_execution_context")
        self.contexts += 1
        self.contexts_alive += 1
        return ContextTwin(self._cuda, self, self._answer)

    def refusal(self, what: str) -> FramelaneError:
        return FramelaneError(f"TensorRT {what}: as the test demands")

    def warmed_up(self) -> None:
        self._cuda.call("IRuntimeCache.serialize")

    def close(self) -> None:
        assert self.contexts_alive == 0, "released before its contexts"
        self._cuda.release(self)


class ContextTwin:
    """See ExecutionContext. Like TensorRT, it reads shape and addresses when the work is done."""

    def __init__(
        self, cuda: CudaTwin, plan: PlanTwin, answer: Callable[[UInt8Array], Candidates]
    ) -> None:
        self._cuda, self._plan, self._answer = cuda, plan, answer
        self._shape: tuple[int, ...] = ()
        self._addresses: dict[str, int] = {}
        self._scratch = 0

    def __del__(self) -> None:
        self._plan.contexts_alive -= 1  # TensorRT releases contexts this way

    def set_device_memory(self, memory: int, size: int) -> None:
        self._cuda.call("set_device_memory")
        assert size == self._plan.scratch_bytes <= len(self._cuda.memory[memory])
        self._scratch = memory

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._cuda.call("set_input_shape")
        assert name == "images"
        self._shape = shape
        return True

    def set_tensor_address(self, name: str, memory: int) -> bool:
        assert name in TENSORS
        self._addresses[name] = memory
        return memory in self._cuda.memory

    def execute_async_v3(self, stream_handle: int) -> bool:
        self._cuda.call("execute_async_v3")
        stream = self._cuda.streams[stream_handle]
        if not self._plan.runs or (stream.captures and not self._plan.captures):
            return False
        stream.put(self._work)
        return True

    def _work(self) -> None:
        memory: Any = {name: self._cuda.memory[self._addresses[name]] for name in TENSORS}
        assert self._scratch in self._cuda.memory, "its scratch memory is released"
        size = int(np.prod(self._shape))
        images = np.frombuffer(memory["images"], np.uint8, size).reshape(self._shape)
        found = self._answer(images)
        for name, values in (("boxes", found.boxes_xyxy), ("scores", found.scores)):
            memory[name][: values.nbytes] = values.tobytes()
