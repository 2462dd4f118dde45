"""NNCF inserts quantisers into a model, with ranges measured on real images."""

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
    """Return NNCF with its log silenced. Raises ModelError if the extra is not installed."""
    os.environ.setdefault("NNCF_CI", "1")  # otherwise NNCF sends usage statistics
    try:
        import nncf
        import onnx  # noqa: F401  fail now, not halfway
        import onnxruntime  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModelError(f"{NEEDS_QUANTIZE} (missing: {error.name})") from error
    logging.getLogger("nncf").setLevel(
        logging.ERROR
    )  # nncf.set_log_level would change other handlers too
    return nncf


def calibrate(
    model: Model,
    images: UInt8Array,
    batch: int,
    *,
    ignored: Collection[str],
    symmetric: bool,
    input_name: str | None = None,
) -> Model:
    """Return the model with quantisers in front of its layers, and their weights in INT8.

    images: (n, h, w, 3) uint8 RGB, letterboxed, to measure ranges on
    batch: batch size of the model
    ignored: names of nodes that stay in floating point
    symmetric: true for TensorRT: zero points are 0, and weights have 8 bits; false for OpenVINO:
        activations have zero points, which costs less accuracy, and weights have 7 bits, because
        the sums of CPUs without VNNI would overflow
    input_name: of the images, if the model takes inputs by name
    Raises ModelError if NNCF is not installed.
    """
    nncf = load_nncf()
    from nncf.quantization import range_estimator

    def batch_of(image: UInt8Array) -> Any:
        repeated = np.repeat(image[None], batch, axis=0)
        return {input_name: repeated} if input_name else repeated

    presets, overflow = nncf.QuantizationPreset, nncf.OverflowFix
    # The mean of each image's extremes clips what is rare, such as objects. But where zero points
    # are 0, half of the steps are unused, and wider ranges cost more (docs/measurements.md)
    ranges = range_estimator.RangeEstimatorParametersSet
    extremes = ranges.MEAN_MINMAX if symmetric else ranges.MINMAX
    with contextlib.redirect_stdout(io.StringIO()):  # hides progress bars
        quantised: Model = nncf.quantize(
            model,
            nncf.Dataset(images, batch_of),
            preset=presets.PERFORMANCE if symmetric else presets.MIXED,
            subset_size=len(images),
            fast_bias_correction=symmetric,  # the better one fails on some ONNX graphs
            ignored_scope=nncf.IgnoredScope(names=sorted(ignored), validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=overflow.DISABLE if symmetric else overflow.ENABLE,
                activations_range_estimator_params=extremes,
            ),
        )
    return quantised
