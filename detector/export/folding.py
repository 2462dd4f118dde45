"""Fold what only training needs into plain convolutions: batch normalisation, branches, implicit
knowledge.

Numbers are multiplied and added in float64, and rounded once, when they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

EPSILON = 1e-3  # of every batch normalisation in YOLOv7

Arrays = Mapping[str, NDArray[Any]]
Float64Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution with bias.

    shape: (c_out, c_in, kernel, kernel); weight: makes the array of that shape; bias: (c_out,)
    """

    shape: tuple[int, ...]
    weight: Callable[[], Float64Array]
    bias: Float64Array

    def part(self, outputs: NDArray[np.int64]) -> Convolution:
        """Return the convolution with only these outputs."""
        shape = (len(outputs), *self.shape[1:])
        return Convolution(shape, lambda: self.weight()[outputs], self.bias[outputs])


class _Affine(NamedTuple):
    """Batch normalisation in inference: scale * x + shift, each (channels,)."""

    scale: Float64Array
    shift: Float64Array


def conv(arrays: Arrays, name: str, norm: str) -> Convolution:
    """Return a convolution without bias and the batch normalisation after it."""
    kernel, (scale, shift) = arrays[f"{name}.weight"], _batch_norm(arrays, norm)
    return Convolution(kernel.shape, lambda: _scaled(kernel, scale), shift)


def rep_conv(arrays: Arrays, prefix: str) -> Convolution:
    """Return a 3x3 and a 1x1 convolution side by side as one 3x3 (RepVGG, 3.2)."""
    dense, point = (
        conv(arrays, f"{prefix}.{branch}.0", f"{prefix}.{branch}.1")
        for branch in ("rbr_dense", "rbr_1x1")
    )

    def weight() -> Float64Array:
        merged = dense.weight()
        merged[:, :, 1:2, 1:2] += point.weight()
        return merged

    return Convolution(dense.shape, weight, dense.bias + point.bias)


def head_conv(arrays: Arrays, prefix: str, layer: int) -> Convolution:
    """Return the head's convolution of one stride, with the implicit knowledge around it, if any.

    The head computes im * (conv(x + ia)), with a number per channel in ia and im (YOLOR).
    """
    kernel = arrays[f"{prefix}.m.{layer}.weight"]
    bias = arrays[f"{prefix}.m.{layer}.bias"].astype(np.float64)
    if f"{prefix}.ia.{layer}.implicit" not in arrays:
        return Convolution(kernel.shape, lambda: kernel.astype(np.float64), bias)
    added, factor = (
        arrays[f"{prefix}.{kind}.{layer}.implicit"].astype(np.float64).ravel()
        for kind in ("ia", "im")
    )
    shifted = (bias + kernel[:, :, 0, 0].astype(np.float64) @ added) * factor
    return Convolution(kernel.shape, lambda: _scaled(kernel, factor), shifted)


def _batch_norm(arrays: Arrays, prefix: str) -> _Affine:
    weight, bias, mean, variance = (
        arrays[f"{prefix}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(variance + EPSILON)
    return _Affine(scale, bias - mean * scale)


def _scaled(kernel: NDArray[Any], scale: Float64Array) -> Float64Array:
    scaled: Float64Array = np.multiply(kernel, scale[:, None, None, None], dtype=np.float64)
    return scaled
