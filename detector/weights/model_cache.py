"""Models that are made from other files: once, into the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from detector.cache import cache_folder, locked
from detector.errors import ModelError
from detector.manifest import Manifest


def cached_model(
    key: str,
    stem: str,
    size: tuple[int, int] | None,
    make: Callable[[Path], None],
    *,
    beside: tuple[str, ...] = (),
) -> Path:
    """Return the file `stem`.onnx in the cache, with its manifest beside it.

    The first call makes it; later calls find it. A damaged model is made again.

    key: says what it is made from, and by which version of its maker
    size: (height, width) of its input, if that was asked for
    make: writes the ONNX file and the manifest
    beside: suffixes of the other files that `make` writes
    Raises ModelError if the cache cannot be written, and what `make` raises.
    """
    shape = f"-{size[0]}x{size[1]}" if size else ""
    model = cache_folder() / "models" / f"{key}{shape}" / f"{stem}.onnx"
    with locked(model.parent / "lock"):
        if not _is_complete(model, beside):
            try:
                make(model)
            except OSError as error:
                raise ModelError(f"cannot write '{model}': {error.strerror}") from error
    return model


def _is_complete(model: Path, beside: tuple[str, ...]) -> bool:
    try:
        Manifest.beside(model).verify(model)
    except ModelError:
        return False  # missing, damaged, or of an older version of the manifest
    return all(model.with_suffix(suffix).is_file() for suffix in beside)
