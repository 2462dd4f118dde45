"""Names of models -> their files: bundled ones, or the path of an exported one."""

from __future__ import annotations

from pathlib import Path

from detector.errors import ModelError, did_you_mean

MODELS = Path(__file__).resolve().parent.parent / "models"


def bundled_models(folder: Path = MODELS) -> dict[str, Path]:
    """Return name -> ONNX file of the models that come with the project."""
    files = {entry.name: entry / f"{entry.name}.onnx" for entry in sorted(folder.glob("*"))}
    return {name: file for name, file in files.items() if file.is_file()}


def find_model(name: str, folder: Path = MODELS) -> Path:
    """Return the ONNX file of a bundled model, by name, or of any other, by path.

    Raises ModelError, with the nearest known name, if there is none.
    """
    bundled = bundled_models(folder)
    if name in bundled:
        return bundled[name]
    path = Path(name)
    if path.suffix == ".onnx" and path.is_file():
        return path
    raise ModelError(_refusal(name, path, bundled))


def _refusal(name: str, path: Path, bundled: dict[str, Path]) -> str:
    accepted = f"give one of {', '.join(bundled) or '(none are bundled)'}, or the path of an .onnx"
    if path.suffix == ".safetensors":
        return f"'{name}' holds weights: make a model of it with `python -m detector export`"
    if path.exists():
        return f"'{name}' is not an exported model: {accepted}"
    if path.suffix == ".onnx":
        return f"no model '{name}': {accepted}"
    if not bundled:
        return f"unknown model '{name}': none is bundled; give the path of an .onnx"
    return f"unknown model '{name}'{did_you_mean(name, bundled)}, or the path of an .onnx"
