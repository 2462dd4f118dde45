"""Runtimes for exported models: one protocol, one file each, one table of names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from detector.cache import CacheKey
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError, did_you_mean
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from detector.progress import ProgressCallback


class Pending(Protocol):
    """A batch in flight."""

    def result(self) -> Candidates:
        """Wait, copy out, free the slot: arrays that the engine will never touch again."""


class Engine(Protocol):
    """An exported model, ready to run: one thread submits, another takes the results.

    slots: how many batches may be in flight
    precision: precision that it computes in: one that a manifest can name, or bf16
    key: its key in the cache of verdicts; None if it is not compared with a reference
    gpu: number of the GPU in whose memory it takes frames, as FrameEngine; None: it takes none
    """

    manifest: Manifest
    slots: int
    precision: str
    key: CacheKey | None
    gpu: int | None

    def submit(self, images: UInt8Array) -> Pending:
        """Take a free slot, waiting for one if need be, and start on (n, h, w, 3) RGB bytes."""

    def close(self) -> None:
        """Release the runtime, after both threads have ended. Waits for batches in flight."""


class FrameEngine(Engine, Protocol):
    """An engine that also takes frames in the memory of its `gpu`."""

    def submit_frames(
        self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]
    ) -> Pending:
        """Take a free slot as `submit` does, and letterbox the frames on the GPU.

        They are kept until their result is taken. Works after the streams on which they were
        written, without waiting for them on the host.
        """


class EngineEntry(NamedTuple):
    """What the builder of a pipeline needs to know of an engine before its runtime is imported.

    module: has `open_engine(model, **options)`, and `prepare(model, progress, **options)` if
        opening a model takes long the first time
    faster_in_batches: whether a batch takes less time than its images one by one
    has_streams: whether it has the option `streams`: how many batches to compute side by side
    takes_frames: whether it takes frames in GPU memory if its `device` is a GPU
    """

    module: str
    faster_in_batches: bool = False
    has_streams: bool = False
    takes_frames: bool = False


ENGINES = {  # a new engine is one module and one line
    "openvino": EngineEntry("detector.engines.openvino", has_streams=True),
    "tensorrt": EngineEntry("detector.engines.tensorrt", faster_in_batches=True, takes_frames=True),
    "torch": EngineEntry("detector.engines.torch", faster_in_batches=True, takes_frames=True),
    "fake": EngineEntry("detector.engines.fake"),
}


def engine_opener(name: str) -> Callable[..., Engine]:
    """Return the `open_engine` of the named runtime, which is imported now.

    It takes an .onnx with its manifest beside it, and the runtime's own keyword arguments. Raises
    ModelError for an unknown name.
    """
    if name not in ENGINES:
        raise ModelError(f"unknown engine '{name}'{did_you_mean(name, ENGINES)}")
    return cast(Callable[..., Engine], import_module(ENGINES[name].module).open_engine)


def make_engine(name: str, model: Path, **options: Any) -> Engine:
    """Open `model` with the named runtime."""
    return engine_opener(name)(model, **options)


def prepare_engine(name: str, model: Path, progress: ProgressCallback, **options: Any) -> None:
    """Do the slow part of opening a model now, and keep its result in the cache.

    options: as for make_engine
    """
    prepare = getattr(import_module(ENGINES[name].module), "prepare", None)
    if prepare is not None:
        prepare(model, progress, **options)
