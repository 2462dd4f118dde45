"""A slot of the TensorRT engine: what one batch in flight needs, all of it made beforehand.

That is a stream with its event, pinned memory on the CPU's side, memory on the GPU's, and for each
size of a batch an execution context and, if so wished, a CUDA graph of upload, work and download.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import Protocol, TypeVar

import numpy as np

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.batch_sizes import batch_sizes
from detector.engines.tensorrt_cuda import (
    Closable,
    Cuda,
    DeviceBuffer,
    Graph,
    HostBuffer,
    Stream,
)
from detector.errors import FramelaneError, ModelError
from detector.hardware.cuda_driver import CudaError
from detector.manifest import Manifest

Owned = TypeVar("Owned", bound=Closable)


class ExecutionContext(Protocol):
    """What we use of TensorRT's IExecutionContext."""

    def set_device_memory(self, memory: int, size: int) -> None: ...

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool: ...

    def set_tensor_address(self, name: str, memory: int) -> bool: ...

    def execute_async_v3(self, stream_handle: int) -> bool: ...


class Executable(Protocol):
    """A plan that is loaded: see tensorrt_plan."""

    scratch_bytes: int  # that a context needs while it works

    def context(self) -> ExecutionContext:
        """Return a new context, to be given memory."""

    def refusal(self, what: str) -> FramelaneError:
        """Return the error for what a context would not do."""


class Slot:
    """Room for one batch in flight. All is to be called with the context of the GPU current."""

    def __init__(
        self, cuda: Cuda, plan: Executable, manifest: Manifest, *, graphs: bool = True
    ) -> None:
        with ExitStack() as acquired:  # what was acquired is released if the next cannot be
            self._acquired = acquired
            self._make(cuda, plan, manifest, graphs)
            self._release = acquired.pop_all().close

    def start(self, images: UInt8Array) -> None:
        """Put a batch on the stream; the images are copied."""
        self._count = len(images)
        self._images.array[: self._count] = images
        size = next(size for size in self._programs if size >= self._count)
        self._programs[size].start()
        self._stream.mark()

    def finish(self) -> Candidates:
        """Wait for what was started, and return a copy of it."""
        self._stream.wait()
        boxes, scores = self._boxes.array, self._scores.array
        return Candidates(boxes[: self._count].copy(), scores[: self._count].copy())

    def close(self) -> None:
        """Release everything, in the reverse order, also if some of it cannot be."""
        self._release()

    def _make(self, cuda: Cuda, plan: Executable, manifest: Manifest, graphs: bool) -> None:
        most, rows = manifest.max_batch, manifest.top_k
        self._stream = self._own(cuda.stream())
        self._images = self._own(cuda.host_buffer((most, *manifest.input_size, 3), np.uint8))
        self._boxes = self._own(cuda.host_buffer((most, rows, 4), np.float32))
        self._scores = self._own(cuda.host_buffer((most, rows, len(manifest.classes)), np.float32))
        host = {"images": self._images, "boxes": self._boxes, "scores": self._scores}
        device = {
            name: self._own(cuda.device_buffer(buffer.array.nbytes))
            for name, buffer in host.items()
        }
        scratch = self._own(cuda.device_buffer(max(plan.scratch_bytes, 1)))
        self._programs: dict[int, Program] = {}
        for size in batch_sizes(manifest):
            program = self._own(Program(plan, self._stream, host, device, scratch, size))
            self._programs[size] = program
        self._acquired.callback(self._come_to_rest)
        self._images.array[:] = 0
        for program in self._programs.values():
            program.warm_up(graphs)

    def _own(self, made: Owned) -> Owned:
        self._acquired.callback(made.close)
        return made

    def _come_to_rest(self) -> None:
        with suppress(CudaError):  # a GPU that has failed is at rest
            self._stream.mark()
            self._stream.wait()


class Program:
    """Upload, work, download, for batches of one size.

    It has a context to itself: a graph is only good while the context that it was captured from
    stays as it was.
    """

    def __init__(
        self,
        plan: Executable,
        stream: Stream,
        host: dict[str, HostBuffer],
        device: dict[str, DeviceBuffer],
        scratch: DeviceBuffer,
        size: int,
    ) -> None:
        self._plan, self._stream, self._device = plan, stream, device
        self._host = {name: buffer.array[:size] for name, buffer in host.items()}
        self._graph: Graph | None = None
        self._context: ExecutionContext | None = plan.context()
        self._context.set_device_memory(scratch.address, plan.scratch_bytes)
        accepted = [self._context.set_input_shape("images", self._host["images"].shape)]
        accepted += [self._context.set_tensor_address(n, b.address) for n, b in device.items()]
        if not all(accepted):
            raise plan.refusal(f"does not take batches of {size}")

    def warm_up(self, graphs: bool) -> None:
        """Run once, so that whatever is made at the first time is made now, and then capture."""
        self._enqueue()
        self._stream.mark()
        self._stream.wait()
        if not graphs:
            return
        try:
            self._graph = self._stream.capture(self._enqueue)
        except FramelaneError as error:
            raise ModelError(
                f"the model runs, but not as a CUDA graph: set graphs to false ({error})"
            ) from error

    def start(self) -> None:
        """Put it on the stream."""
        if self._graph is not None:
            self._graph.launch()
        else:
            self._enqueue()

    def close(self) -> None:
        """Release the graph, then the context that it was captured from."""
        try:
            if self._graph is not None:
                self._graph.close()
        finally:
            self._graph = self._context = None

    def _enqueue(self) -> None:
        assert self._context is not None, "the slot is closed"
        self._stream.upload(self._device["images"], self._host["images"])
        if not self._context.execute_async_v3(self._stream.handle):
            raise self._plan.refusal("could not start on a batch")
        for name in ("boxes", "scores"):
            self._stream.download(self._host[name], self._device[name])
