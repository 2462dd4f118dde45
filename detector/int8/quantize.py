"""Make INT8 models from a float model, one per runtime.

Calibrate, find sensitive layers, raise the scores, compare. The images are divided: some for
measuring ranges and scores, some for finding the layers that must stay in floating point, and the
rest for comparing the result with the float model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detector.acceptance.agreement import Agreement
from detector.acceptance.gate import (
    EngineRefused,
    compare_engines,
    disagreement,
    open_reference,
    run_engine,
)
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError, UsageError
from detector.export.precisions import int8_path
from detector.int8.calibration import load_nncf
from detector.int8.score_odds import fitted_odds
from detector.manifest import Manifest, manifest_path, model_sha256
from detector.progress import ProgressCallback

if TYPE_CHECKING:
    from detector.int8.sensitivity import Search

MAX_IMAGES = 128  # to read: more change little
MIN_IMAGES = 8  # of each 8: 6 to calibrate on, 1 to search with, 1 to compare on

Measure = Callable[[Path], Mapping[str, float]]


class Parts(NamedTuple):
    """Images by purpose, each (n, h, w, 3) uint8 RGB."""

    calibration: UInt8Array
    search: UInt8Array
    comparison: UInt8Array


@dataclass(frozen=True, slots=True)
class Quantised:
    """An accepted INT8 model for one runtime.

    agreement: with the float model, on images that it was not made with
    """

    runtime: str
    path: Path
    manifest: Manifest
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Job:
    """The common input of all INT8 models of one float model.

    expected: candidates of the float model for the calibration images
    """

    model: Path
    manifest: Manifest
    found: Search
    parts: Parts
    expected: Sequence[Candidates]


class Draft(NamedTuple):
    """An INT8 model for one runtime, in memory.

    save: writes it to a path, with the odds of its scores multiplied by a number
    """

    manifest: Manifest
    save: Callable[[Path, float], None]


def quantise(
    model: Path, images: UInt8Array, progress: ProgressCallback, measure: Measure | None = None
) -> list[Quantised]:
    """Make the INT8 models of `model`, one for each runtime, and put them beside it.

    model: in float32, with its manifest beside it
    images: (n, h, w, 3) uint8 RGB, letterboxed, like those the model will see; at least 8
    measure: takes each INT8 model, returns its accuracy for the manifest, or raises to refuse it
    Raises ModelError if the model cannot be quantised, or NNCF is missing; EngineRefused if a
    result differs from the float model by more than the tolerance. Then no file is changed.
    """
    load_nncf()
    from detector.int8.openvino_ir import Int8Maker
    from detector.int8.sensitivity import find_float_layers

    manifest, parts = _float_manifest(model), divided(images)
    tolerance = manifest.tolerance_of("int8")
    maker = Int8Maker(model, manifest)
    found = find_float_layers(maker, parts.calibration, parts.search, tolerance, progress)
    with closing(open_reference(model)) as reference:
        expected = list(run_engine(reference, parts.calibration))
    job = Job(model, manifest, found, parts, expected)
    try:
        with TemporaryDirectory(dir=model.parent, prefix=f".{model.stem}.int8.") as folder:
            made = [_made(name, job, Path(folder), progress, measure) for name in DRAFTS]
            return [_put_beside(model, one) for one in made]
    except OSError as error:
        raise ModelError(f"cannot write beside '{model}': {error.strerror}") from error


def divided(images: UInt8Array) -> Parts:
    """Divide consecutive images evenly among the parts. Raises UsageError for too few."""
    if len(images) < MIN_IMAGES:
        raise UsageError(
            f"{len(images)} images given: give {MIN_IMAGES} or more, best {MAX_IMAGES}"
        )
    turns = np.arange(len(images)) % MIN_IMAGES
    return Parts(images[turns % 4 != 3], images[turns == 3], images[turns == 7])


def _float_manifest(model: Path) -> Manifest:
    manifest = Manifest.beside(model)
    manifest.verify(model)
    if manifest.precision != "fp32":
        raise ModelError(
            f"'{model}' is a model in {manifest.precision}: INT8 is made from fp32, export it with "
            "--precision fp32"
        )
    return manifest


def _made(
    runtime: str, job: Job, folder: Path, progress: ProgressCallback, measure: Measure | None
) -> Quantised:
    """Write the model for one runtime, and compare it with the float model."""
    file = folder / int8_path(job.model, runtime).name
    progress(1.0, f"making the model for {runtime}")
    draft = DRAFTS[runtime](job)
    odds = _fitted_odds(draft, file.name, job)
    manifest = _written(draft, file, job, odds)
    progress(1.0, f"comparing the model for {runtime}")
    agreement = _compared(runtime, file, job)
    accuracy = {f"agreement/{name}": value for name, value in asdict(agreement).items()}
    manifest = replace(manifest, accuracy=accuracy | dict(measure(file) if measure else {}))
    manifest.write(manifest_path(file))
    return Quantised(runtime, file, manifest, agreement)


def _openvino(job: Job) -> Draft:
    """Make a model in OpenVINO's own format, with a fixed batch: its shapes are constants."""
    from detector.int8.openvino_ir import save

    batch = 1 if job.manifest.dynamic_batch else job.manifest.max_batch
    manifest = replace(job.manifest, max_batch=batch, dynamic_batch=False)
    return Draft(manifest, partial(save, job.found.model))


def _tensorrt(job: Job) -> Draft:
    from detector.int8.onnx_qdq import quantised_onnx, save

    layers = job.found.float_layers
    model = quantised_onnx(job.model, job.manifest, job.parts.calibration, layers)
    return Draft(job.manifest, partial(save, model))


DRAFTS = {"openvino": _openvino, "tensorrt": _tensorrt}


def _fitted_odds(draft: Draft, name: str, job: Job) -> float:
    """Return the factor on the odds of the scores that makes up for what rounding takes."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / name
        _written(draft, file, job, 1.0)
        with closing(open_reference(file)) as engine:
            found = list(run_engine(engine, job.parts.calibration))
    return fitted_odds(job.expected, found, job.manifest.nms_iou)


def _written(draft: Draft, file: Path, job: Job, odds: float) -> Manifest:
    """Write an INT8 file and its manifest, with its source and tools."""
    draft.save(file, odds)
    tools = {name: version(name) for name in ("nncf", "onnx", "openvino")}
    manifest = replace(
        draft.manifest,
        precision="int8",
        onnx_sha256=model_sha256(file),
        source_sha256=job.manifest.onnx_sha256,
        float_layers=job.found.float_layers,
        score_odds=odds,
        tools={**job.manifest.tools, **tools},
        accuracy={},
    )
    manifest.write(manifest_path(file))
    return manifest


def _compared(runtime: str, file: Path, job: Job) -> Agreement:
    """Compare an INT8 file with its float model, both run by OpenVINO. Raises EngineRefused."""
    tolerance = job.manifest.tolerance_of("int8")
    with closing(open_reference(job.model)) as reference, closing(open_reference(file)) as engine:
        agreement = compare_engines(reference, engine, job.parts.comparison, tolerance)
    if reason := disagreement(agreement, tolerance):
        raise EngineRefused(
            f"INT8 for {runtime} is refused: {reason}. Give more images, like those the model will "
            "see, or leave the model in floating point"
        )
    return agreement


def _put_beside(model: Path, made: Quantised) -> Quantised:
    """Move the files beside the model; the one that `find_int8` looks for comes last."""
    path = int8_path(model, made.runtime)
    path.unlink(missing_ok=True)
    others = [file for file in made.path.parent.glob(f"{made.path.stem}.*") if file != made.path]
    for file in (*others, made.path):
        os.replace(file, path.with_name(file.name))
    return replace(made, path=path)
