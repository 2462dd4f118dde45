"""INT8 models calibrated on the training data and scored on the validation data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from detector.acceptance.gate import EngineRefused
from detector.detections import UInt8Array
from detector.errors import UsageError
from detector.int8.quantize import MAX_IMAGES, Quantised, divided, quantise
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from detector.progress import ProgressCallback
from trainer.data.samples import Dataset
from trainer.evaluation.evaluate import evaluate, open_model

MAX_LOST = 0.01  # default; AP50 that a class may lose
FLOAT = "float/"  # prefix of the float model's scores in the manifest


def quantise_on(
    model: Path, train: Dataset, val: Dataset, max_lost: float, progress: ProgressCallback
) -> list[Quantised]:
    """Write the INT8 models of `model` beside it, with their accuracy on `val` in the manifests.

    train: data for calibration; a sample is spread over all of it
    max_lost: AP50 that a class may lose
    Raises as `quantise` does, and EngineRefused if a class loses more; then no file is kept.
    """
    images = _spread(train, Manifest.beside(model).input_size)
    divided(images)  # too few show now, not after the evaluation
    progress(0.0, "evaluating the float model")
    before = _numbers(model, val)
    if "ap50" not in before:
        raise UsageError(
            "the validation data has no objects: what INT8 models lose cannot be measured: give "
            "labelled images"
        )

    def measure(file: Path) -> Mapping[str, float]:
        after = _numbers(file, val)
        _refuse_loss(file, before, after, max_lost)
        return {**after, **{f"{FLOAT}{name}": value for name, value in before.items()}}

    return quantise(model, images, progress, measure)


def _numbers(model: Path, val: Dataset) -> Mapping[str, float]:
    with open_model(model) as opened:
        return evaluate(opened, val).numbers


def _spread(data: Dataset, size: tuple[int, int]) -> UInt8Array:
    """Return letterboxed images, spread over the data."""
    positions = np.linspace(0, len(data) - 1, min(len(data), MAX_IMAGES)).round().astype(int)
    images = [data[int(position)].image for position in positions]
    return np.stack([Letterbox.fit((i.shape[0], i.shape[1]), size).apply(i) for i in images])


def _refuse_loss(
    file: Path, before: Mapping[str, float], after: Mapping[str, float], max_lost: float
) -> None:
    by_class = [name for name in before if name.startswith("ap50/")]
    lost = {name: before[name] - after[name] for name in by_class}
    if by_class and max(lost.values()) > max_lost:
        each = ", ".join(
            f"{name.removeprefix('ap50/')} {before[name]:.4f} -> {after[name]:.4f}"
            for name in by_class
        )
        raise EngineRefused(
            f"{file.name} is refused: a class may lose {max_lost:g} of AP50, but AP50 changed: "
            f"{each}. Keep the model in floating point, or allow more: `python -m trainer quantize "
            "MODEL --data RECIPE --max-lost FRACTION`"
        )
