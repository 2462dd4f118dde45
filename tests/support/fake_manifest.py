"""Manifests of models that have no file."""

from __future__ import annotations

from detector.letterbox import PAD_VALUE
from detector.manifest import Manifest


def fake_manifest(
    size: tuple[int, int] = (64, 96), *, classes: tuple[str, ...] = ("object",), max_batch: int = 4
) -> Manifest:
    """Return the manifest of a model with a dynamic batch."""
    return Manifest(
        classes=classes,
        input_size=size,
        strides=(8, 16, 32),
        precision="fp32",
        max_batch=max_batch,
        dynamic_batch=True,
        top_k=512,
        pad_value=PAD_VALUE,
        onnx_sha256="0" * 64,
        weights_sha256=None,
    )
