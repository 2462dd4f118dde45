"""The model of another exporter's ONNX file: made once into the cache, by its hash."""

from __future__ import annotations

from glob import escape
from pathlib import Path

import click

from detector.manifest import sha256_of
from detector.weights.model_cache import cached_model

ADAPT_VERSION = 1  # raise it when the model of the same file changes


def adapted(foreign: Path, size: tuple[int, int] | None = None) -> Path:
    """Return the ONNX file of the model, with its manifest beside it.

    The first call makes it; later calls find it in the cache. A damaged one is made again.

    size: (height, width) of its input, for a file that leaves that open
    Raises ModelError if the file is not accepted, or the cache cannot be written.
    """
    digest = sha256_of(foreign, *_external_data(foreign))[:32]
    key = f"{digest}-onnx-v{ADAPT_VERSION}"
    return cached_model(key, foreign.stem, size, lambda model: _adapt(foreign, model, size))


def _external_data(foreign: Path) -> list[Path]:
    """Return the files of weights beside an ONNX file, `model.onnx.data` or `model.onnx_data`."""
    return sorted(foreign.parent.glob(f"{escape(foreign.name)}?data"))


def _adapt(foreign: Path, model: Path, size: tuple[int, int] | None) -> None:
    from detector.export.adapters.adapt import adapt_model

    manifest = adapt_model(foreign, model, size=size)
    head, classes = manifest.tools["head"], len(manifest.classes)
    click.echo(
        f"{foreign} has the head of {head} and {classes} classes; made its model, once: {model}",
        err=True,
    )
