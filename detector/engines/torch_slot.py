"""Slots of the torch engine: one batch in flight each, on a CPU or on a GPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.batch_sizes import batch_sizes
from detector.engines.torch_graph import ContractGraph
from detector.manifest import Manifest


class CpuSlot:
    """One batch, on a CPU. The thread that calls `finish` computes it."""

    def __init__(self, graph: ContractGraph) -> None:
        self._graph = graph
        self._images = torch.empty(0, dtype=torch.uint8)

    def start(self, images: UInt8Array) -> None:
        """Keep a copy of the images."""
        self._images = torch.from_numpy(images.copy())

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
        size = min(size for size in self._captured if size >= self._count)
        captured = self._captured[size]
        with torch.cuda.stream(self._stream):
            self._images[:size].copy_(self._host_images[:size], non_blocking=True)
            captured.graph.replay()
            self._host_boxes[:size].copy_(captured.boxes, non_blocking=True)
            self._host_scores[:size].copy_(captured.scores, non_blocking=True)
            self._done.record()

    def finish(self) -> Candidates:
        """Wait for the batch, and return a copy of its candidates."""
        self._done.synchronize()
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
