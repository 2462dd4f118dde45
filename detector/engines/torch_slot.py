"""Slots of the torch engine: one batch in flight each, on a CPU or on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.batch_sizes import batch_sizes
from detector.engines.torch_frames import letterboxed, planes_of
from detector.engines.torch_graph import ContractGraph
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import Letterbox
from detector.manifest import Manifest


class CpuSlot:
    """One batch, on a CPU. The thread that calls `finish` computes it."""

    def __init__(self, graph: ContractGraph) -> None:
        self._graph = graph
        self._images = torch.empty(0, dtype=torch.uint8)

    def start(self, images: UInt8Array) -> None:
        """Keep a copy of the images."""
        self._images = torch.from_numpy(images.copy())

    def start_frames(self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]) -> None:
        """Raise RuntimeError: a CPU has no frames in GPU memory."""
        raise RuntimeError("the engine is on a CPU, and the frames are on a GPU")

    @torch.inference_mode()
    def finish(self) -> Candidates:
        """Compute the batch, and return its candidates."""
        boxes, scores = self._graph(self._images)
        return Candidates(boxes.numpy(), scores.numpy())

    def wait(self) -> None:
        """Return at once: nothing runs in the background."""


class Captured(NamedTuple):
    """A network as a CUDA graph for one batch size, and the tensors that receive its results."""

    graph: torch.cuda.CUDAGraph
    boxes: Tensor
    scores: Tensor


class CudaSlot:
    """A stream, pinned memory, GPU memory, and a CUDA graph for each batch size.

    The constructor allocates all memory, and captures all graphs.
    """

    def __init__(
        self, graph: ContractGraph, manifest: Manifest, device: torch.device, *, tf32: bool
    ) -> None:
        max_batch, rows, classes = manifest.max_batch, manifest.top_k, len(manifest.classes)
        shape = (max_batch, *manifest.input_size, 3)
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # Blocking: a thread that waits for the event sleeps
        self._done: torch.cuda.Event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        self._host_images = torch.zeros(shape, dtype=torch.uint8).pin_memory()
        self._host_boxes = torch.empty((max_batch, rows, 4)).pin_memory()
        self._host_scores = torch.empty((max_batch, rows, classes)).pin_memory()
        self._images = torch.zeros(shape, dtype=torch.uint8, device=device)
        self._count = 0
        self._frames: list[DeviceFrame] = []  # that work on the stream may still read
        # The graphs run one after the other, on one stream, so they can share memory
        pool = torch.cuda.graph_pool_handle()
        flags = torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=tf32)
        with torch.cuda.device(device), flags:
            self._captured = {
                size: self._capture(graph, self._images[:size], pool)
                for size in reversed(batch_sizes(manifest))
            }

    def start(self, images: UInt8Array) -> None:
        """Put a batch on the stream; the images are copied."""
        self._count = len(images)
        self._host_images.numpy()[: self._count] = images
        size = self._size()
        with torch.cuda.stream(self._stream):
            self._images[:size].copy_(self._host_images[:size], non_blocking=True)
        self._run(size)

    @torch.inference_mode()
    def start_frames(self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]) -> None:
        """Put frames in GPU memory on the stream; they are kept until the batch is done."""
        self._count = len(frames)
        self._frames += frames
        for handle in dict.fromkeys(frame.stream for frame in frames):
            self._stream.wait_stream(self._decoder_stream(handle))
        with torch.cuda.stream(self._stream):
            for image, frame, letterbox in zip(self._images, frames, letterboxes, strict=False):
                planes = planes_of(frame, self._images.device)
                image.copy_(letterboxed(*planes, frame.space, letterbox))
        self._run(self._size())

    def _decoder_stream(self, handle: int) -> torch.cuda.Stream:
        device = self._images.device
        if handle == 0:
            return torch.cuda.default_stream(device)
        return torch.cuda.ExternalStream(handle, device=device)  # type: ignore[no-untyped-call]

    def _size(self) -> int:
        """Return the smallest captured batch size that takes the batch."""
        return min(size for size in self._captured if size >= self._count)

    def _run(self, size: int) -> None:
        """Put inference and download on the stream."""
        captured = self._captured[size]
        with torch.cuda.stream(self._stream):
            captured.graph.replay()
            self._host_boxes[:size].copy_(captured.boxes, non_blocking=True)
            self._host_scores[:size].copy_(captured.scores, non_blocking=True)
            self._done.record()

    def finish(self) -> Candidates:
        """Wait for the batch, and return a copy of its candidates."""
        self._done.synchronize()
        self._frames.clear()
        boxes, scores = self._host_boxes.numpy(), self._host_scores.numpy()
        return Candidates(boxes[: self._count].copy(), scores[: self._count].copy())

    def wait(self) -> None:
        """Wait until all work on the stream is done."""
        self._stream.synchronize()

    @torch.inference_mode()
    def _capture(self, graph: ContractGraph, images: Tensor, pool: Any) -> Captured:
        with torch.cuda.stream(self._stream):
            for _ in range(3):  # warm-up: cuDNN selects its algorithms and allocates buffers
                graph(images)
        self._stream.synchronize()
        captured = torch.cuda.CUDAGraph()
        # Thread-local: GPU calls of other threads do not break the capture
        capture = torch.cuda.graph(captured, pool, self._stream, capture_error_mode="thread_local")
        with capture:
            boxes, scores = graph(images)
        return Captured(captured, boxes, scores)
