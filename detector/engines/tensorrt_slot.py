"""A slot of the TensorRT engine: everything that one batch in flight needs, allocated beforehand.

It has a stream with its event, pinned CPU memory, GPU memory, and for each batch size an execution
context and, optionally, a CUDA graph of upload, inference and download.
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
    """The part of TensorRT's IExecutionContext that we use."""

    def set_device_memory(self, memory: int, size: int) -> None: ...

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool: ...

    def set_tensor_address(self, name: str, memory: int) -> bool: ...

    def execute_async_v3(self, stream_handle: int) -> bool: ...


class Executable(Protocol):
    """A loaded plan: see tensorrt_plan."""

    scratch_bytes: int  # that a context needs while it runs

    def context(self) -> ExecutionContext:
        """Return a new context; the caller provides its memory."""

    def refusal(self, what: str) -> FramelaneError:
        """Return the error for a failed call of a context."""


class Slot:
    """One batch in flight. Every method needs the context of the GPU to be current."""

    def __init__(
        self, cuda: Cuda, plan: Executable, manifest: Manifest, *, graphs: bool = True
    ) -> None:
        with ExitStack() as acquired:  # on failure, release what was acquired
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
        """Wait for the batch, and return a copy of its candidates."""
        self._stream.wait()
        boxes, scores = self._boxes.array, self._scores.array
        return Candidates(boxes[: self._count].copy(), scores[: self._count].copy())

    def close(self) -> None:
        """Release everything, in reverse order, even if some of it fails."""
        self._release()

    def _make(self, cuda: Cuda, plan: Executable, manifest: Manifest, graphs: bool) -> None:
        max_batch, rows = manifest.max_batch, manifest.top_k
        self._stream = self._own(cuda.stream())
        self._images = self._own(cuda.host_buffer((max_batch, *manifest.input_size, 3), np.uint8))
        self._boxes = self._own(cuda.host_buffer((max_batch, rows, 4), np.float32))
        self._scores = self._own(
            cuda.host_buffer((max_batch, rows, len(manifest.classes)), np.float32)
        )
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
        self._acquired.callback(self._wait_until_idle)
        self._images.array[:] = 0
        for program in self._programs.values():
            program.warm_up(graphs)

    def _own(self, made: Owned) -> Owned:
        self._acquired.callback(made.close)
        return made

    def _wait_until_idle(self) -> None:
        with suppress(CudaError):  # a GPU that has failed does no more work
            self._stream.mark()
            self._stream.wait()


class Program:
    """Upload, inference, download, for one batch size.

    Each program has its own context: a graph is valid only while the context that it was captured
    from does not change.
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
        """Run once, so that everything is allocated, then capture the graph."""
        self._enqueue()
        self._stream.mark()
        self._stream.wait()
        if not graphs:
            return
        try:
            self._graph = self._stream.capture(self._enqueue)
        except FramelaneError as error:
            raise ModelError(
                f"the model runs, but cannot be a CUDA graph: set graphs to false ({error})"
            ) from error

    def start(self) -> None:
        """Put the program on the stream."""
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
