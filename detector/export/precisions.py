"""A model in other precisions: INT8 files beside it, and half precision made on demand."""

from __future__ import annotations

from dataclasses import replace
from glob import escape
from pathlib import Path

from detector.cache import CacheKey, cache_folder, cached_file
from detector.errors import ModelError
from detector.manifest import Manifest, sha256_of

INT8_ENDINGS = {  # runtime -> end of the file name: each has its own format (docs/engines.md)
    "openvino": ".int8-openvino.xml",
    "tensorrt": ".int8-tensorrt.onnx",
}


def int8_path(model: Path, runtime: str) -> Path:
    """Return the path of the INT8 model for a runtime, which is beside the float model."""
    return model.with_name(model.stem + INT8_ENDINGS[runtime])


def find_int8(model: Path, runtime: str) -> Path | None:
    """Return the INT8 model for a runtime that was made from this model, or None.

    Raises ModelError if it is damaged.
    """
    path = int8_path(model, runtime)
    if not path.is_file():
        return None
    manifest = Manifest.beside(path)
    if manifest.source_sha256 != Manifest.beside(model).onnx_sha256:
        return None  # it was made from another version of the model
    manifest.verify(path)
    return path


def need_int8(model: Path, runtime: str) -> Path:
    """Return the INT8 model as `find_int8` does. Raises ModelError if there is none."""
    path = find_int8(model, runtime)
    if path is None:
        older = int8_path(model, runtime)
        known = f"'{older.name}' is of another model" if older.is_file() else "there is none"
        raise ModelError(
            f"no INT8 model of '{model}' for {runtime} ({known}): make it with `framelane models "
            f"quantize {model} --images VIDEO_OR_FOLDER`"
        )
    return path


def int8_files(model: Path) -> list[Path]:
    """Return all files of the INT8 models that were made from this model, with their manifests.

    Raises ModelError if one is damaged.
    """
    found = (find_int8(model, runtime) for runtime in INT8_ENDINGS)
    return [
        file
        for path in found
        if path
        for file in sorted(path.parent.glob(f"{escape(path.stem)}.*"))
    ]


def half_model(model: Path, manifest: Manifest) -> tuple[Path, Manifest]:
    """Return a float32 model in half precision, from the cache or made now, and its manifest.

    Raises ModelError if it cannot be converted.
    """
    import onnx

    from detector.export.fp16 import to_half

    assert manifest.precision == "fp32", manifest.precision
    key = CacheKey(
        manifest.onnx_sha256, "onnx", onnx.__version__, "any", "fp16", "as the model", {}
    )

    def write(path: Path) -> dict[str, str]:
        onnx.save(to_half(onnx.load(model)), path)
        return {"model": model.name}

    made = cached_file(key, write, cache_folder() / "models")
    digest = sha256_of(made.path)
    source = manifest.onnx_sha256
    return made.path, replace(
        manifest, precision="fp16", onnx_sha256=digest, source_sha256=source, accuracy={}
    )
