"""A slot of the TensorRT engine: everything that one batch in flight needs, allocated beforehand.

It has a stream with its event, pinned CPU memory, GPU memory, and for each batch size an execution
context and, optionally, a CUDA graph of upload, inference and download.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
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
    Kernel,
    Stream,
)
from detector.errors import FramelaneError, ModelError
from detector.hardware.cuda_driver import CudaError
from detector.kernels.device_frame import DeviceFrame, arguments, grid
from detector.letterbox import Letterbox
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
        self,
        cuda: Cuda,
        plan: Executable,
        manifest: Manifest,
        *,
        graphs: bool = True,
        kernel: Kernel | None = None,
    ) -> None:
        self._kernel = kernel
        self._frames: list[DeviceFrame] = []  # that work on the stream may still read
        with ExitStack() as acquired:  # on failure, release what was acquired
            self._acquired = acquired
            self._make(cuda, plan, manifest, graphs)
            self._release = acquired.pop_all().close

    def start(self, images: UInt8Array) -> None:
        """Put a batch on the stream; the images are copied."""
        self._count = len(images)
        self._images.array[: self._count] = images
        self._start(uploads=True)

    def start_frames(self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]) -> None:
        """Put a batch of frames in GPU memory on the stream; they are kept until it is done."""
        assert self._kernel is not None, "the engine was opened without device_frames"
        self._count = len(frames)
        self._frames += frames
        for handle in dict.fromkeys(frame.stream for frame in frames):
            self._stream.follow(handle)
        out = self._input.address
        for frame, letterbox in zip(frames, letterboxes, strict=True):
            self._stream.launch(self._kernel, grid(letterbox), arguments(frame, letterbox, out))
            out += self._image_bytes
        self._start(uploads=False)

    def finish(self) -> Candidates:
        """Wait for the batch, and return a copy of its candidates."""
        self._stream.wait()
        self._frames.clear()
        boxes, scores = self._boxes.array, self._scores.array
        return Candidates(boxes[: self._count].copy(), scores[: self._count].copy())

    def close(self) -> None:
        """Release everything, in reverse order, even if some of it fails."""
        self._release()
        self._frames.clear()

    def _start(self, *, uploads: bool) -> None:
        size = next(size for size in self._programs if size >= self._count)
        self._programs[size].start(uploads=uploads)
        self._stream.mark()

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
        self._input = device["images"]
        self._image_bytes = self._images.array[0].nbytes
        scratch = self._own(cuda.device_buffer(max(plan.scratch_bytes, 1)))
        self._programs: dict[int, Program] = {}
        for size in batch_sizes(manifest):
            program = self._own(Program(plan, self._stream, host, device, scratch, size))
            self._programs[size] = program
        self._acquired.callback(self._wait_until_idle)
        self._images.array[:] = 0
        for program in self._programs.values():
            program.warm_up(graphs, with_frames=self._kernel is not None)

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
        self._graphs: dict[bool, Graph] = {}  # with and without the upload
        self._context: ExecutionContext | None = plan.context()
        self._context.set_device_memory(scratch.address, plan.scratch_bytes)
        accepted = [self._context.set_input_shape("images", self._host["images"].shape)]
        accepted += [self._context.set_tensor_address(n, b.address) for n, b in device.items()]
        if not all(accepted):
            raise plan.refusal(f"does not take batches of {size}")

    def warm_up(self, graphs: bool, *, with_frames: bool) -> None:
        """Run once, so that everything is allocated, then capture the graphs."""
        self._enqueue(uploads=True)
        self._stream.mark()
        self._stream.wait()
        if not graphs:
            return
        try:
            for uploads in (True, False) if with_frames else (True,):
                work = partial(self._enqueue, uploads=uploads)
                self._graphs[uploads] = self._stream.capture(work)
        except FramelaneError as error:
            raise ModelError(
                f"the model runs, but cannot be a CUDA graph: set graphs to false ({error})"
            ) from error

    def start(self, *, uploads: bool) -> None:
        """Put the program on the stream; uploads: the images first, else the GPU has them."""
        if uploads in self._graphs:
            self._graphs[uploads].launch()
        else:
            self._enqueue(uploads=uploads)

    def close(self) -> None:
        """Release the graphs, then the context that they were captured from."""
        with ExitStack() as released:  # in reverse order
            released.callback(self._drop_context)
            for graph in self._graphs.values():
                released.callback(graph.close)
            self._graphs = {}

    def _drop_context(self) -> None:
        self._context = None

    def _enqueue(self, *, uploads: bool) -> None:
        assert self._context is not None, "the slot is closed"
        if uploads:
            self._stream.upload(self._device["images"], self._host["images"])
        if not self._context.execute_async_v3(self._stream.handle):
            raise self._plan.refusal("could not start on a batch")
        for name in ("boxes", "scores"):
            self._stream.download(self._host[name], self._device[name])
