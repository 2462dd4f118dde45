"""An engine must find what its reference finds, or it is refused.

The reference is the model as OpenVINO runs it on the CPU in float32, which the tests hold against
the original networks. Every machine can have it, with no more than the runtime installs.
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
from detector.acceptance.sample_images import BUNDLED, read_pictures
from detector.acceptance.tolerance import Tolerance
from detector.cache import EngineKey, cache_folder, cached_engine
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import Engine, make_engine
from detector.errors import ModelError
from detector.manifest import Manifest

PICTURES = 16  # at most, to judge on: more take time and change little


class EngineRefused(ModelError):
    """An engine that drifts from its reference beyond the tolerance of its model."""


class Gated(NamedTuple):
    """An engine that may be used; agreement: with its reference, None if there is none."""

    engine: Engine
    agreement: Agreement | None


def open_gated(name: str, model: Path, *, pictures: Path | None = None, **options: Any) -> Gated:
    """Open `model` with the named runtime, and see that it finds what its reference finds.

    pictures: to judge it on now; None: those that come with the project, and only if no verdict is
        in the cache for this very model, runtime, device, precision and tolerance
    options: of the engine
    Raises EngineRefused for one that drifts.
    """
    engine = make_engine(name, model, **options)
    try:
        agreement = None if engine.key is None else _verdict(engine, engine.key, model, pictures)
    except BaseException:
        engine.close()
        raise
    return Gated(engine, agreement)


def _verdict(engine: Engine, key: EngineKey, model: Path, pictures: Path | None) -> Agreement:
    tolerance = Manifest.beside(model).tolerance_of(engine.precision)
    held_to = {f"tolerance/{name}": value for name, value in asdict(tolerance).items()}

    def write(path: Path) -> dict[str, Any]:
        shown = read_pictures(pictures or BUNDLED, engine.manifest.input_size, PICTURES)
        with closing(open_reference(model)) as reference:
            agreement = agree(reference, engine, shown, tolerance)
        refuse_drift(key, agreement, tolerance)
        path.write_text(json.dumps(asdict(agreement)))
        return {"pictures": str(pictures or BUNDLED)}

    judged = cached_engine(
        replace(key, flags={**key.flags, **held_to}),
        write,
        cache_folder() / "verdicts",
        anew=pictures is not None,
    )
    return Agreement(**json.loads(judged.path.read_text()))


def open_reference(model: Path) -> Engine:
    """Return what an engine of `model` is held against; of an INT8 file, that file itself."""
    is_int8 = Manifest.beside(model).precision == "int8"
    return make_engine("openvino", model, precision="int8" if is_int8 else "fp32")


def agree(
    reference: Engine, engine: Engine, pictures: UInt8Array, tolerance: Tolerance
) -> Agreement:
    """Run both engines over (n, h, w, 3) RGB pictures and return how far they agree."""
    return compare(list(_run(reference, pictures)), list(_run(engine, pictures)), tolerance)


def refuse_drift(key: EngineKey, agreement: Agreement, tolerance: Tolerance) -> None:
    """Raise EngineRefused, with the numbers, if too little agrees."""
    if told := drift(agreement, tolerance):
        raise EngineRefused(
            f"{key.runtime} {key.version} in {key.precision} on {key.device} is refused: {told}. "
            "Choose another precision, or judge it on pictures of what the model knows: "
            "`python -m detector build MODEL --pictures VIDEO_OR_FOLDER`"
        )


def drift(agreement: Agreement, tolerance: Tolerance) -> str | None:
    """Return in numbers how little agrees, or None if it is enough."""
    if agreement.detections and agreement.share >= tolerance.share:
        return None
    return (
        f"{agreement.share:.1%} of {agreement.detections} detections agree with the reference "
        f"within {tolerance.pixels:g} pixels and {tolerance.score:g} of score, "
        f"{tolerance.share:.1%} must; boxes differ by up to {agreement.pixels:.2f} pixels, scores "
        f"by up to {agreement.score:.3f}"
    )


def _run(engine: Engine, pictures: UInt8Array) -> Iterator[Candidates]:
    """Yield the candidates of each picture, in batches as large as the engine wants them."""
    manifest = engine.manifest
    size = 1 if manifest.dynamic_batch else manifest.max_batch
    for start in range(0, len(pictures), size):
        batch = pictures[start : start + size]
        filled = np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])
        found = engine.submit(filled).result()
        for i in range(len(batch)):
            yield Candidates(found.boxes_xyxy[i : i + 1], found.scores[i : i + 1])
