"""Runtimes for exported models: one protocol, one file each, one table of names."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from detector.cache import EngineKey
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError, did_you_mean
from detector.manifest import Manifest
from detector.progress import ProgressCallback


class Pending(Protocol):
    """A batch in flight."""

    def result(self) -> Candidates:
        """Wait, copy out, free the slot: arrays that the engine will never touch again."""


class Engine(Protocol):
    """An exported model, ready to run: one thread submits, another takes the results."""

    manifest: Manifest
    slots: int  # how many batches may be in flight
    precision: str  # that it computes in, as a manifest names it, or bf16
    key: EngineKey | None  # what the gate knows it by; None: there is nothing to hold it against

    def submit(self, images: UInt8Array) -> Pending:
        """Take a free slot, waiting for one if need be, and start on (n, h, w, 3) RGB bytes."""

    def close(self) -> None:
        """Release the runtime, after both threads have ended. Waits for what is in flight."""


ENGINES = {  # a new backend is one module and one line; each has `open_engine(model, **options)`
    "openvino": "detector.engines.openvino",
    "tensorrt": "detector.engines.tensorrt",
    "torch": "detector.engines.torch",
    "fake": "detector.engines.fake",
}

FASTER_IN_BATCHES = ("tensorrt", "torch")  # a CPU gains nothing by more than one picture


def engine_opener(name: str) -> Callable[..., Engine]:
    """Return what opens a model with the named runtime, which is loaded now.

    It takes an .onnx with its manifest beside it, and the runtime's own keyword arguments.
    """
    if name not in ENGINES:
        raise ModelError(f"unknown engine '{name}'{did_you_mean(name, ENGINES)}")
    return cast(Callable[..., Engine], import_module(ENGINES[name]).open_engine)


def make_engine(name: str, model: Path, **options: Any) -> Engine:
    """Open `model` with the named runtime."""
    return engine_opener(name)(model, **options)


def prepare_engine(name: str, model: Path, progress: ProgressCallback, **options: Any) -> None:
    """Let the named runtime do now, into the cache, what takes long in opening a model.

    options: as of make_engine
    """
    prepare = getattr(import_module(ENGINES[name]), "prepare", None)  # few have anything to do
    if prepare is not None:
        prepare(model, progress, **options)
