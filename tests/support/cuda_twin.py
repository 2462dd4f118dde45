"""A GPU in numpy: what pycuda and TensorRT do for a slot, slowly, late, and watching the rules.

Work that is put on a stream is done when someone waits for it, and not before. So whoever reads a
result too early, or writes to memory that is still to be read, gets it wrong here, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import get_ident
from typing import Any

import numpy as np

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.tensorrt_cuda import DeviceBuffer, HostArray
from detector.errors import FramelaneError
from detector.hardware.cuda_driver import CudaError, Gpu

Work = Callable[[], None]
TENSORS = ("images", "boxes", "scores")


class CudaTwin:
    """See Cuda. Knows what is held, and refuses any one call that it is told to.

    fails_at: the number of the call that raises CudaError, from 0; None: none does
    """

    def __init__(self, fails_at: int | None = None) -> None:
        self.gpu = Gpu(0, "twin", (8, 6), 1 << 30, integrated=False)
        self.held: list[object] = [self]
        self.calls = 0
        self.fails_at = fails_at
        self.cannot_wait = False
        self.streams: dict[int, StreamTwin] = {}
        self.memory: dict[int, bytearray] = {}
        self._numbers = count(1)
        self._active: list[int] = []  # the threads on which the context is current

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

    def host_buffer(self, shape: tuple[int, ...], kind: type[np.generic]) -> HostBufferTwin:
        return HostBufferTwin(self, shape, kind)

    def stream(self) -> StreamTwin:
        return StreamTwin(self)

    def close(self) -> None:
        assert get_ident() not in self._active, "the context is still current"
        self.held.remove(self)

    def call(self, what: str) -> None:
        """Check that the call may be made now, and make it fail if it is its turn."""
        assert get_ident() in self._active, f"{what}: the context is not current on this thread"
        number, self.calls = self.calls, self.calls + 1
        if number == self.fails_at:
            self.cannot_wait = what.startswith("Event")
            raise CudaError(f"CUDA: {what} failed")

    def hold(self, thing: object) -> int:
        """Note that something is held, and return a number that nothing else has."""
        self.held.append(thing)
        return 4096 * next(self._numbers)

    def release(self, thing: object) -> None:
        """Note that it is released, which is done once and with the context current."""
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
    def __init__(self, cuda: CudaTwin, shape: tuple[int, ...], kind: type[np.generic]) -> None:
        cuda.call("pagelocked_empty")
        self._cuda = cuda
        cuda.hold(self)
        self.array: HostArray = np.empty(shape, kind)

    def close(self) -> None:
        self._cuda.release(self)
        self.array.view(np.uint8)[:] = 0xEE  # whoever still has it is to notice


class StreamTwin:
    def __init__(self, cuda: CudaTwin) -> None:
        cuda.call("Stream")
        self._cuda = cuda
        self.handle = cuda.hold(self)
        cuda.streams[self.handle] = self
        self._waiting: list[Work] = []
        self._marked = 0
        self._captured: list[Work] | None = None

    @property
    def captures(self) -> bool:
        """Whether what is put on it goes into a graph."""
        return self._captured is not None

    def put(self, work: Work) -> None:
        """Do it when someone waits, or, during a capture, whenever the graph runs."""
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

    def mark(self) -> None:
        self._cuda.call("Event.record")
        self._marked = len(self._waiting)

    def wait(self) -> None:
        self._cuda.call("Event.synchronize")
        due, self._waiting = self._waiting[: self._marked], self._waiting[self._marked :]
        self._marked = 0
        for work in due:
            work()

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
    """A loaded plan, see Executable, which answers as it is told, row by row of the batch.

    runs, captures: whether TensorRT takes the work on a batch; in a CUDA graph, too
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
        return FramelaneError(f"TensorRT {what}: as it was told")

    def warmed_up(self) -> None:
        self._cuda.call("IRuntimeCache.serialize")

    def close(self) -> None:
        assert self.contexts_alive == 0, "released before its contexts"
        self._cuda.release(self)


class ContextTwin:
    """See ExecutionContext. Its shape and addresses are read when it works, as TensorRT does."""

    def __init__(
        self, cuda: CudaTwin, plan: PlanTwin, answer: Callable[[UInt8Array], Candidates]
    ) -> None:
        self._cuda, self._plan, self._answer = cuda, plan, answer
        self._shape: tuple[int, ...] = ()
        self._addresses: dict[str, int] = {}
        self._scratch = 0

    def __del__(self) -> None:
        self._plan.contexts_alive -= 1  # as TensorRT releases them

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
