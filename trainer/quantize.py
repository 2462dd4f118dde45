"""INT8 of a model whose data is labelled: calibrated on what it was trained on, and then scored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from detector.acceptance.gate import EngineRefused
from detector.detections import UInt8Array
from detector.int8.quantize import PICTURES, Quantised, quantise
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from detector.progress import ProgressCallback
from trainer.data.samples import Dataset
from trainer.evaluation.evaluate import evaluate, open_model

MAX_LOST = 0.01  # of a class's AP50, unless more is allowed
FLOAT = "float/"  # what the float model was measured at stands beside, with this ahead of its name


def quantise_on(
    model: Path, train: Dataset, val: Dataset, max_lost: float, progress: ProgressCallback
) -> list[Quantised]:
    """Make the INT8 models of `model` and put them beside it, with their accuracy on `val`.

    train: to calibrate on, spread over all of it
    max_lost: of AP at an IoU of 0.5, by any class
    Raises as `quantise` does, and EngineRefused for one that loses more; then nothing is kept.
    """
    progress(0.0, "judging the float model")
    before = _numbers(model, val)

    def measure(file: Path) -> Mapping[str, float]:
        after = _numbers(file, val)
        _refuse_loss(file, before, after, max_lost)
        return {**after, **{f"{FLOAT}{name}": value for name, value in before.items()}}

    size = Manifest.beside(model).input_size
    return quantise(model, _spread(train, size), progress, measure)


def _numbers(model: Path, val: Dataset) -> Mapping[str, float]:
    with open_model(model) as opened:
        return evaluate(opened, val).numbers


def _spread(data: Dataset, size: tuple[int, int]) -> UInt8Array:
    """Return images of all of the data, letterboxed."""
    places = np.linspace(0, len(data) - 1, min(len(data), PICTURES)).round().astype(int)
    images = [data[int(place)].image for place in places]
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
            f"{file.name} is refused: a class may lose {max_lost:g} of AP50, and it has {each}. "
            "Leave the model in floating point, or allow more: `python -m trainer quantize "
            "MODEL --data RECIPE --most-lost PART`"
        )
