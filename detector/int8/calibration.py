"""Quantisers with ranges, put into a model by NNCF from what its layers return on real pictures."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Collection
from typing import Any, TypeVar

import numpy as np

from detector.detections import UInt8Array
from detector.errors import ModelError

Model = TypeVar("Model")  # openvino.Model or onnx.ModelProto
NEEDS_QUANTIZE = "INT8 needs nncf, onnx and onnxruntime: install the project's extra `quantize`"


def load_nncf() -> Any:
    """Return NNCF, which works quietly. Raises ModelError where the extra is not installed."""
    os.environ.setdefault("NNCF_CI", "1")  # NNCF reports on its users to its makers otherwise
    try:
        import nncf
        import onnx  # noqa: F401  now, not when half is done
        import onnxruntime  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModelError(f"{NEEDS_QUANTIZE} (missing: {error.name})") from error
    logging.getLogger("nncf").setLevel(logging.ERROR)  # its own function sets others' handlers, too
    return nncf


def calibrate(
    model: Model,
    pictures: UInt8Array,
    batch: int,
    *,
    ignored: Collection[str],
    symmetric: bool,
    input_name: str | None = None,
) -> Model:
    """Return the model with quantisers in front of its layers, and their weights in INT8.

    pictures: (n, h, w, 3) uint8 RGB, letterboxed, on which the ranges are measured
    batch: that the model takes
    ignored: names of nodes that stay in floating point
    symmetric: for TensorRT: zero is zero, also of activations, and weights have 8 bits. Else for
        OpenVINO: activations may be shifted, which loses less; weights have 7 bits, as the sums of
        CPUs without VNNI would overflow
    input_name: of the images, where the model wants them by name
    Raises ModelError where NNCF is not installed.
    """
    nncf = load_nncf()

    def batch_of(picture: UInt8Array) -> Any:
        images = np.repeat(picture[None], batch, axis=0)
        return {input_name: images} if input_name else images

    presets, overflow = nncf.QuantizationPreset, nncf.OverflowFix
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
        quantised: Model = nncf.quantize(
            model,
            nncf.Dataset(pictures, batch_of),
            preset=presets.PERFORMANCE if symmetric else presets.MIXED,
            subset_size=len(pictures),
            ignored_scope=nncf.IgnoredScope(names=sorted(ignored), validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=overflow.DISABLE if symmetric else overflow.ENABLE
            ),
        )
    return quantised
