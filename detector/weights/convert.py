"""Export weights to an ONNX model: to a given path, or once into the cache, by their hash."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.atomic_write import replacing
from detector.manifest import Manifest, sha256_of
from detector.weights.model_cache import cached_model

if TYPE_CHECKING:
    from detector.weights.checkpoint import WeightsInfo
    from detector.yolov7.weights import NetworkWeights

EXPORT_VERSION = 3  # raise it when the export of the same weights changes
WEIGHTS = ".safetensors"  # beside the model, for the torch engine


def converted(weights: Path, size: tuple[int, int] | None = None) -> Path:
    """Return the ONNX file of a .pt or .safetensors file, with its manifest beside it.

    The first call exports them into the cache; later calls find the model there. A damaged model is
    exported again. A copy of the weights is beside the model, as .safetensors, for the torch
    engine.

    size: (height, width) of the model's input; None: as trained
    Raises ModelError if the weights cannot be read, or the cache cannot be written.
    """
    key = f"{sha256_of(weights)[:32]}-v{EXPORT_VERSION}"

    def make(model: Path) -> None:
        click.echo(f"exporting {weights}, once: {model}", err=True)
        _convert(weights, model, size)

    return cached_model(key, weights.stem, size, make, beside=(WEIGHTS,))


def export_weights(
    weights: Path,
    output: Path,
    size: tuple[int, int] | None = None,
    *,
    precision: str = "fp32",
    batch: int | None = None,
) -> Manifest:
    """Write the model of a .pt or .safetensors file, and return its manifest.

    precision, batch: as for export_model
    Raises ModelError if the weights cannot be read, and OSError if `output` cannot be written.
    """
    network, info = _read(weights)
    return _export(network, info, output, size, weights, precision=precision, batch=batch)


def _convert(weights: Path, model: Path, size: tuple[int, int] | None) -> None:
    network, info = _read(weights)
    beside = model.with_suffix(WEIGHTS)
    with replacing(beside) as written:
        _copy(network, info, weights, written)
    _export(network, info, model, size, beside)


def _read(weights: Path) -> tuple[NetworkWeights, WeightsInfo]:
    from detector.weights.checkpoint import read_weights
    from detector.weights.official import read_official

    return read_official(weights) if weights.suffix == ".pt" else read_weights(weights)


def _copy(network: NetworkWeights, info: WeightsInfo, weights: Path, path: Path) -> None:
    """Write the weights as .safetensors."""
    from detector.weights.checkpoint import write_weights

    if weights.suffix == WEIGHTS:
        shutil.copyfile(weights, path)
        return
    origin = {"converted from": weights.name, "its sha256": sha256_of(weights)}
    write_weights(network, path, class_names=info.class_names, size=info.size, notes=origin)


def _export(
    network: NetworkWeights,
    info: WeightsInfo,
    output: Path,
    size: tuple[int, int] | None,
    weights: Path,
    **options: Any,
) -> Manifest:
    from detector.export.onnx_export import export_model

    return export_model(
        network,
        output,
        class_names=info.class_names,
        size=size or info.size,
        weights_sha256=sha256_of(weights),
        **options,
    )
