"""INT8 models of a float one: calibrated, spared where they are sensitive, gated; one per runtime.

The pictures are divided: ranges are measured on some, the layers to spare are found on others, and
what comes out is judged on the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detector.acceptance.agreement import Agreement
from detector.acceptance.gate import EngineRefused, agree, drift, open_reference
from detector.detections import UInt8Array
from detector.errors import ModelError, UsageError
from detector.export.precisions import int8_path
from detector.int8.calibration import load_nncf
from detector.manifest import Manifest, manifest_path, model_sha256
from detector.progress import ProgressCallback

if TYPE_CHECKING:
    from detector.int8.sensitivity import Search

PICTURES = 128  # that are asked for
LEAST = 8  # of them 6 to calibrate on, 1 to search with, 1 to judge on; and so on

Measure = Callable[[Path], Mapping[str, float]]


class Parts(NamedTuple):
    """Pictures by what they are for, each (n, h, w, 3) uint8 RGB."""

    calibration: UInt8Array
    search: UInt8Array
    judging: UInt8Array


@dataclass(frozen=True, slots=True)
class Quantised:
    """An INT8 model for a runtime that was accepted.

    agreement: with the float model, on pictures that it was not made with
    """

    runtime: str
    path: Path
    manifest: Manifest
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Job:
    """What all INT8 models of one model are made from."""

    model: Path
    manifest: Manifest
    found: Search
    parts: Parts


def quantise(
    model: Path, pictures: UInt8Array, progress: ProgressCallback, measure: Measure | None = None
) -> list[Quantised]:
    """Make the INT8 models of `model`, one for each runtime, and put them beside it.

    model: in float32, with its manifest beside it
    pictures: (n, h, w, 3) uint8 RGB, letterboxed, of what it is to see; at least 8
    measure: told each INT8 model, returns what is written into its manifest as its accuracy, or
        raises to refuse it
    Raises ModelError if the model cannot be had in INT8, or NNCF is missing; EngineRefused for one
    that drifts beyond the tolerance in the manifest. Then all that lay beside it is as it was.
    """
    load_nncf()
    from detector.int8.openvino_ir import Int8Maker
    from detector.int8.sensitivity import find_float_layers

    manifest, parts = _float_manifest(model), divided(pictures)
    tolerance = manifest.tolerance_of("int8")
    maker = Int8Maker(model, manifest)
    found = find_float_layers(maker, parts.calibration, parts.search, tolerance, progress)
    job = Job(model, manifest, found, parts)
    try:
        with TemporaryDirectory(dir=model.parent, prefix=f".{model.stem}.int8.") as folder:
            made = [_made(name, job, Path(folder), progress, measure) for name in WRITERS]
            return [_put_beside(model, one) for one in made]
    except OSError as error:
        raise ModelError(f"cannot write beside '{model}': {error.strerror}") from error


def divided(pictures: UInt8Array) -> Parts:
    """Divide pictures that follow each other. Raises UsageError for too few."""
    if len(pictures) < LEAST:
        raise UsageError(f"{len(pictures)} pictures given: give {LEAST} or more, best {PICTURES}")
    places = np.arange(len(pictures)) % LEAST
    return Parts(pictures[places % 4 != 3], pictures[places == 3], pictures[places == 7])


def _float_manifest(model: Path) -> Manifest:
    manifest = Manifest.beside(model)
    manifest.verify(model)
    if manifest.precision != "fp32":
        raise ModelError(
            f"'{model}' is a model in {manifest.precision}: INT8 is made of one in fp32, export it "
            "with --precision fp32"
        )
    return manifest


def _made(
    runtime: str, job: Job, folder: Path, progress: ProgressCallback, measure: Measure | None
) -> Quantised:
    """Write and judge the model for one runtime."""
    file = folder / int8_path(job.model, runtime).name
    progress(1.0, f"making the model for {runtime}")
    manifest = _chained(file, WRITERS[runtime](file, job), job)
    manifest.write(manifest_path(file))
    progress(1.0, f"judging the model for {runtime}")
    agreement = _judged(runtime, file, job)
    accuracy = {f"agreement/{name}": value for name, value in asdict(agreement).items()}
    manifest = replace(manifest, accuracy=accuracy | dict(measure(file) if measure else {}))
    manifest.write(manifest_path(file))
    return Quantised(runtime, file, manifest, agreement)


def _write_ir(file: Path, job: Job) -> Manifest:
    """Write OpenVINO's own format, for one batch: it is of constant shapes."""
    from detector.int8.openvino_ir import save

    save(job.found.model, file)
    batch = 1 if job.manifest.dynamic_batch else job.manifest.max_batch
    return replace(job.manifest, max_batch=batch, dynamic_batch=False)


def _write_qdq(file: Path, job: Job) -> Manifest:
    import onnx

    from detector.int8.onnx_qdq import quantised_onnx

    layers = job.found.float_layers
    onnx.save(quantised_onnx(job.model, job.manifest, job.parts.calibration, layers), file)
    return job.manifest


WRITERS = {"openvino": _write_ir, "tensorrt": _write_qdq}


def _chained(file: Path, manifest: Manifest, job: Job) -> Manifest:
    """Return the manifest of an INT8 file that says what it was made from."""
    tools = {name: version(name) for name in ("nncf", "onnx", "openvino")}
    return replace(
        manifest,
        precision="int8",
        onnx_sha256=model_sha256(file),
        source_sha256=job.manifest.onnx_sha256,
        float_layers=job.found.float_layers,
        tools={**manifest.tools, **tools},
        accuracy={},
    )


def _judged(runtime: str, file: Path, job: Job) -> Agreement:
    """Hold an INT8 file against its float model, as OpenVINO runs both. Raises EngineRefused."""
    tolerance = job.manifest.tolerance_of("int8")
    with closing(open_reference(job.model)) as reference, closing(open_reference(file)) as engine:
        agreement = agree(reference, engine, job.parts.judging, tolerance)
    if told := drift(agreement, tolerance):
        raise EngineRefused(
            f"INT8 for {runtime} is refused: {told}. Give more pictures, of what the model is to "
            "see, or leave the model in floating point"
        )
    return agreement


def _put_beside(model: Path, made: Quantised) -> Quantised:
    """Move the files to their place, that by which they are found last."""
    place = int8_path(model, made.runtime)
    place.unlink(missing_ok=True)
    others = [file for file in made.path.parent.glob(f"{made.path.stem}.*") if file != made.path]
    for file in (*others, made.path):
        os.replace(file, place.with_name(file.name))
    return replace(made, path=place)
