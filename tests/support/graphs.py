"""ONNX graphs for tests: in the form of the original exporter, and run by the ONNX reference."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from torch import Tensor, nn

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.yolov7.network import Network

AXES = {
    "fixed": None,
    "open batch": {"images": {0: "batch"}, "output": {0: "batch"}},
    "all open": {
        "images": {0: "batch", 2: "height", 3: "width"},
        "output": {0: "batch", 1: "rows"},
    },
}


class RawGraph(nn.Module):
    """A network as the official exporter writes it: decoded rows, then the raw heads."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        heads = self.network(pixels)
        return (self.network.decode(heads), *heads)


def raw_file(
    network: Network,
    path: Path,
    *,
    size: tuple[int, int] = (64, 96),
    opset: int = 12,
    axes: str = "fixed",
) -> Path:
    """Write a network in the form of the original exporter, and return `path`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            RawGraph(network),
            (torch.zeros(1, 3, *size),),
            path,
            dynamo=False,
            opset_version=opset,
            input_names=["images"],
            output_names=["output", *(f"grid of {stride}" for stride in network.strides)],
            dynamic_axes=AXES[axes],
        )
    return path


class Conv(OpRun):
    """Convolution by torch in float32, rounded to the input's type as hardware does."""

    op_domain = ""

    def _run(self, x: Any, w: Any, b: Any = None, **options: Any) -> tuple[Any, ...]:
        assert x.dtype == w.dtype == b.dtype
        image, weight, bias = (torch.from_numpy(part.astype(np.float32)) for part in (x, w, b))
        pads, strides = options["pads"], options["strides"]
        result = torch.nn.functional.conv2d(image, weight, bias, strides, pads[:2])
        return (result.numpy().astype(x.dtype),)


class MaxPool(OpRun):
    """Maximum by torch, exact in any type; the evaluator's own takes seconds per image."""

    op_domain = ""

    def _run(self, x: Any, **options: Any) -> tuple[Any, ...]:
        kernel, pads = options["kernel_shape"], options["pads"]
        assert pads is None or pads[:2] == pads[2:]
        image = torch.from_numpy(x.astype(np.float32))
        padding = pads[:2] if pads else 0
        result = torch.nn.functional.max_pool2d(image, kernel, options["strides"], padding)
        return (result.numpy().astype(x.dtype),)


def to_the_letter(model: Path, images: UInt8Array) -> Candidates:
    """Run a file by the ONNX reference; each node rounds to its type in the file."""
    evaluator = ReferenceEvaluator(onnx.load(model), new_ops=[Conv, MaxPool])
    return Candidates(*evaluator.run(None, {"images": images}))


def by_definition(network: Network, images: UInt8Array) -> tuple[NDArray[np.float64], ...]:
    """Return all boxes xyxy and scores (n, rows, ...), best first, from the decoded rows.

    A slow version of an exported graph: no top-k, and no fusing unless the network is deployed.
    """
    pixels = torch.from_numpy(images).double().permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        decoded = network.decode(network(pixels.float())).double().numpy()
    boxes, scores = [], []
    for rows in decoded:
        score = rows[:, 4:5] * rows[:, 5:]
        order = np.argsort(-score.max(axis=1), kind="stable")
        (cx, cy, w, h), score = rows[order, :4].T, score[order]
        boxes.append(np.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), axis=1))
        scores.append(score)
    return np.array(boxes), np.array(scores)
