"""An engine must find what its reference finds, or it is refused.

The reference is the model as OpenVINO runs it on the CPU in float32. The tests compare that with
the original networks, and every installation can run it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detector.acceptance.agreement import Agreement, compare
from detector.acceptance.sample_images import BUNDLED, read_images
from detector.cache import CacheKey, cache_folder, cached_file
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import Engine, make_engine
from detector.errors import ModelError
from detector.manifest import Manifest
from detector.tolerance import Tolerance

MAX_IMAGES = 16  # to compare on: more images take time and hardly change the agreement


class EngineRefused(ModelError):
    """An engine whose detections differ from its reference's by more than the tolerance."""


class AcceptedEngine(NamedTuple):
    """An engine that agrees with its reference.

    agreement: how far it agrees; None if the engine is the reference itself, or a fake
    """

    engine: Engine
    agreement: Agreement | None


def open_accepted(
    name: str, model: Path, *, images: Path | None = None, **options: Any
) -> AcceptedEngine:
    """Open `model` with the named runtime, and check that it finds what its reference finds.

    images: a video or folder to compare on, even if a verdict is cached. None: use the verdict that
        is cached for this model, runtime, device, precision and tolerance, or else compare on the
        bundled images
    options: keyword arguments of the engine
    Raises EngineRefused if the two differ by more than the tolerance.
    """
    engine = make_engine(name, model, **options)
    try:
        agreement = None if engine.key is None else _agreement(engine, engine.key, model, images)
    except BaseException:
        engine.close()
        raise
    return AcceptedEngine(engine, agreement)


def _agreement(engine: Engine, key: CacheKey, model: Path, images: Path | None) -> Agreement:
    """Return the agreement from the cache, or compare now and cache it.

    Raises EngineRefused if too few detections agree. A refusal is not cached.
    """
    tolerance = Manifest.beside(model).tolerance_of(engine.precision)
    tolerance_flags = {f"tolerance/{name}": value for name, value in asdict(tolerance).items()}

    def write(path: Path) -> dict[str, Any]:
        compared_on = read_images(images or BUNDLED, engine.manifest.input_size, MAX_IMAGES)
        with closing(open_reference(model)) as reference:
            agreement = compare_engines(reference, engine, compared_on, tolerance)
        _refuse(key, agreement, tolerance)
        path.write_text(json.dumps(asdict(agreement)))
        return {"images": str(images or BUNDLED)}

    cached = cached_file(
        replace(key, flags={**key.flags, **tolerance_flags}),
        write,
        cache_folder() / "verdicts",
        rebuild=images is not None,
    )
    return Agreement(**json.loads(cached.path.read_text()))


def open_reference(model: Path) -> Engine:
    """Return the engine to compare with; for an INT8 file that is the file itself."""
    is_int8 = Manifest.beside(model).precision == "int8"
    return make_engine("openvino", model, precision="int8" if is_int8 else "fp32")


def compare_engines(
    reference: Engine, engine: Engine, images: UInt8Array, tolerance: Tolerance
) -> Agreement:
    """Run both engines over (n, h, w, 3) RGB images and return how far they agree."""
    return compare(list(run_engine(reference, images)), list(run_engine(engine, images)), tolerance)


def _refuse(key: CacheKey, agreement: Agreement, tolerance: Tolerance) -> None:
    """Raise EngineRefused, with the numbers, if too few detections agree."""
    if reason := disagreement(agreement, tolerance):
        raise EngineRefused(
            f"{key.runtime} {key.version} in {key.precision} on {key.device} is refused: {reason}. "
            "Choose another precision, or compare on images with objects of the model's classes: "
            "`framelane models build MODEL --images VIDEO_OR_FOLDER`"
        )


def disagreement(agreement: Agreement, tolerance: Tolerance) -> str | None:
    """Return in numbers why too few detections agree, or None if enough do."""
    if not agreement.detections:
        return (
            "there is no detection to compare: nothing was detected in these images, or the "
            "engine's scores are not finite"
        )
    if agreement.share >= tolerance.share:
        return None
    return (
        f"{agreement.share:.1%} of {agreement.detections} detections agree with the reference "
        f"within {tolerance.pixels:g} pixels and {tolerance.score:g} of score, but at least "
        f"{tolerance.share:.1%} must; boxes differ by up to {agreement.pixels:.2f} pixels, scores "
        f"by up to {agreement.score:.3f}"
    )


def run_engine(engine: Engine, images: UInt8Array) -> Iterator[Candidates]:
    """Yield the candidates of each of (n, h, w, 3) RGB images.

    They are computed in batches of one, or of the engine's fixed size.
    """
    manifest = engine.manifest
    size = 1 if manifest.dynamic_batch else manifest.max_batch
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        padded = np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])
        found = engine.submit(padded).result()
        for i in range(len(batch)):
            yield Candidates(found.boxes_xyxy[i : i + 1], found.scores[i : i + 1])
