"""Find the file of a model by name: bundled, local, cached, or downloaded from the release."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from detector.errors import ModelError, did_you_mean
from detector.manifest import manifest_path
from detector.resources import models
from detector.weights.convert import converted
from detector.weights.foreign_model import adapted
from detector.weights.release import RELEASED, released_weights

MODELS = models()
WEIGHTS = (".pt", ".safetensors")


def bundled_models(folder: Path = MODELS) -> dict[str, Path]:
    """Return name -> ONNX file of the bundled models."""
    files = {entry.name: entry / f"{entry.name}.onnx" for entry in sorted(folder.glob("*"))}
    return {name: file for name, file in files.items() if file.is_file()}


def find_model(name: str, folder: Path = MODELS, *, size: tuple[int, int] | None = None) -> Path:
    """Return the ONNX file of a model: bundled or released, by name, or any, by path.

    Weights (`find_weights`) are exported into the cache the first time, and so is an
    .onnx file without a manifest beside it, which another exporter wrote.

    size: (height, width) to export for; None: that of the training, or of the file
    Raises ModelError, with the nearest known name, if there is no such model; DownloadError as
    `find_weights` does.
    """
    bundled = bundled_models(folder)
    if name in bundled:
        return bundled[name]
    path = Path(name)
    if path.suffix == ".onnx" and path.is_file():
        return path if manifest_path(path).is_file() else adapted(path, size)
    if path.suffix in WEIGHTS or name in RELEASED:
        return converted(find_weights(name), size)
    raise ModelError(_refusal(name, path, bundled))


def find_weights(name: str) -> Path:
    """Return the weights file at a path, or of a released name: local, cached, or downloaded now.

    A local file is `name`.pt in the working directory. Raises ModelError for an unknown name, a
    missing file, and a file in the cache that has changed; DownloadError if the download fails, or
    gives another file than the first time.
    """
    path = Path(name)
    if path.suffix in WEIGHTS and path.is_file():
        return path
    stem = name.removesuffix(".pt")
    if stem in RELEASED:
        local = Path(f"{stem}.pt")
        return local if local.is_file() else released_weights(stem)
    if path.suffix in WEIGHTS:
        raise ModelError(f"no weights file '{name}': give the path of a .pt or .safetensors file")
    raise ModelError(f"unknown weights '{name}'{did_you_mean(name, RELEASED)}, or a path")


def _refusal(name: str, path: Path, bundled: Iterable[str]) -> str:
    names = [*bundled, *RELEASED]
    files = "the path of an .onnx, .pt or .safetensors file"
    if path.exists():
        return f"'{name}' is not a model: give one of {', '.join(names)}, or {files}"
    if path.suffix == ".onnx":
        return f"no model '{name}': give one of {', '.join(names)}, or {files}"
    return f"unknown model '{name}'{did_you_mean(name, names)}, or {files}"
