"""The weights in an ONNX file that our exporter wrote, as a network's own. No torch.

The exporter folds batch normalisation, the branches of a RepConv and implicit knowledge into plain
convolutions (`detector.export.folding`). That cannot be undone, but the folded convolutions can be
put where they are trained again: behind a normalisation that changes nothing, with a 1x1 branch
that adds nothing, and with implicit knowledge that does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from detector.errors import UsageError
from detector.export.folding import EPSILON
from detector.yolov7.description import Description, Row

Array = NDArray[Any]

OLDER = "logits.network."  # in front of the names in files of the first exporter
OLDER_ANCHORS = "cell_anchors"
PARTS = ("boxes", "objectness", "classes")  # of the head's convolution at each stride
OLDER_PARTS = dict(zip("012", PARTS, strict=True))
QUANTISER = "QuantizeLinear"
SPPCSPC, DOWNC = tuple(f"cv{i}" for i in range(1, 8)), ("cv1", "cv2", "cv3")


def exported_arrays(path: Path, description: Description) -> dict[str, Array]:
    """Return parameters and buffers of a network in training form that computes what a file does.

    Missing are the 1x1 kernels beside the 3x3 ones of a RepConv, which nothing depends on yet, and
    auxiliary heads with the rows that only they need. Half precision becomes float32.

    description: of the network in the file, in the training form
    Raises UsageError for a file that our exporter did not write, an INT8 model, and layers that are
    not those of this network.
    """
    model = _read(path)
    tensors = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    named = _named(tensors, description)
    if not named:
        raise UsageError(
            f"weights: '{path}' was not exported by Framelane from one of its networks: give a "
            ".safetensors of a training, an official .pt, or the .onnx that was made from one"
        )
    try:
        arrays = dict(_layers(named, description)) | _head(named, description)
        return arrays | _anchors(model, tensors, description)
    except KeyError as error:
        raise UsageError(
            f"weights: '{path}' has no {error}, so Framelane did not export it from "
            f"{description.name}: give the 'network' that it was made from"
        ) from error


def _read(path: Path) -> ModelProto:
    if not path.is_file():
        raise UsageError(f"weights: no file '{path}': give the path of an exported .onnx")
    try:
        model = onnx.load(path)
    except (DecodeError, OSError) as error:
        raise UsageError(f"weights: '{path}' is not an ONNX file, or it is damaged") from error
    if any(node.op_type == QUANTISER for node in model.graph.node):
        raise UsageError(
            f"weights: '{path}' is an INT8 model, whose weights are rounded: give the .onnx in "
            "FP32 that it was made from"
        )
    return model


def _named(tensors: Mapping[str, Array], description: Description) -> dict[str, Array]:
    """Return the weights of convolutions, float32, by the names of the training form."""
    rows = description.lead_rows()
    named: dict[tuple[int, str], Array] = {}
    for name, tensor in tensors.items():
        match name.removeprefix(OLDER).split("."):
            case ["model", number, *rest] if number.isdecimal():
                named[int(number), ".".join(rest)] = tensor.astype(np.float32)
            case ["logits", "parts", part, stride, kind] if part in OLDER_PARTS:  # of the head
                place = f"m.{stride}.{OLDER_PARTS[part]}.{kind}"
                named[len(rows) - 1, place] = tensor.astype(np.float32)
    last = max((number for number, _ in named), default=0)
    if last < len(rows):  # files from deployed networks count only the rows that inference runs
        named = {(rows[number], rest): tensor for (number, rest), tensor in named.items()}
    return {f"model.{number}.{rest}": tensor for (number, rest), tensor in named.items()}


def _layers(named: Mapping[str, Array], description: Description) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of all rows that lead heads need."""
    for number in description.lead_rows()[:-1]:
        for folded, kernel, norm in _convolutions(f"model.{number}", description.rows[number]):
            yield f"{kernel}.weight", named[f"{folded}.weight"]
            yield from _neutral(norm, named[f"{folded}.bias"])
            if norm.endswith("rbr_dense.1"):
                nothing = np.zeros_like(named[f"{folded}.bias"])
                point = norm.replace("rbr_dense", "rbr_1x1")
                yield from {**dict(_neutral(point, nothing)), f"{point}.weight": nothing}.items()


def _convolutions(prefix: str, row: Row) -> Iterator[tuple[str, str, str]]:
    """Yield the names of a row's convolutions: folded, its kernel, its normalisation."""
    if row.operation == "RepConv":
        branch = f"{prefix}.rbr_dense"
        yield f"{prefix}.rbr_reparam", f"{branch}.0", f"{branch}.1"
    parts = {"Conv": ("",), "SPPCSPC": SPPCSPC, "DownC": DOWNC}.get(row.operation, ())
    for part in parts:
        inside = f"{prefix}.{part}" if part else prefix
        yield f"{inside}.conv", f"{inside}.conv", f"{inside}.bn"


def _neutral(norm: str, bias: Array) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of a batch normalisation that adds `bias` and does nothing else."""
    yield f"{norm}.weight", np.ones_like(bias)
    yield f"{norm}.bias", bias
    yield f"{norm}.running_mean", np.zeros_like(bias)
    yield f"{norm}.running_var", np.full_like(bias, 1 - EPSILON)


def _head(named: Mapping[str, Array], description: Description) -> dict[str, Array]:
    """Return the arrays of the lead heads; their implicit knowledge adds 0 and multiplies by 1."""
    arrays: dict[str, Array] = {}
    head, per_cell = f"model.{len(description.rows) - 1}", len(description.anchors[0])
    for i in range(len(description.strides)):
        for kind in ("weight", "bias"):
            parts = [named[f"{head}.m.{i}.{part}.{kind}"] for part in PARTS]
            # (anchors, numbers of a part, ...), side by side: x, y, w, h, objectness, classes
            each = [part.reshape(per_cell, -1, *part.shape[1:]) for part in parts]
            joined = np.concatenate(each, axis=1)
            arrays[f"{head}.m.{i}.{kind}"] = joined.reshape(-1, *joined.shape[2:])
        if description.rows[-1].operation != "Detect":
            outputs, inputs = arrays[f"{head}.m.{i}.weight"].shape[:2]
            arrays[f"{head}.ia.{i}.implicit"] = np.zeros((1, inputs, 1, 1), np.float32)
            arrays[f"{head}.im.{i}.implicit"] = np.ones((1, outputs, 1, 1), np.float32)
    return arrays


def _anchors(
    model: ModelProto, tensors: Mapping[str, Array], description: Description
) -> dict[str, Array]:
    """Return the anchors, which a training may have fitted to its data."""
    table = _anchor_table(model, tensors)
    head, per_cell = f"model.{len(description.rows) - 1}", len(description.anchors[0])
    height, width = (
        each.dim_value for each in model.graph.input[0].type.tensor_type.shape.dim[1:3]
    )
    counts = [per_cell * (height // s) * (width // s) for s in description.strides]
    firsts = np.cumsum([0, *counts[:-1]])  # of each stride; the anchors of a cell follow each other
    pixels = np.stack([table[first : first + per_cell] for first in firsts]).astype(np.float32)
    strides = np.array(description.strides, np.float32)[:, None, None]
    return {
        f"{head}.anchors": pixels / strides,
        f"{head}.anchor_grid": pixels[:, None, :, None, None, :],
    }


def _anchor_table(model: ModelProto, tensors: Mapping[str, Array]) -> Array:
    """Return (rows, 2): the anchor of each row, in pixels."""
    if OLDER_ANCHORS in tensors:
        return tensors[OLDER_ANCHORS]
    looked_up = [node.input[0] for node in model.graph.node if node.op_type == "Gather"]
    tables = [tensors[name] for name in looked_up if name in tensors and tensors[name].ndim == 2]
    _, _, largest_sizes = tables  # centres, reaches, sizes: see detector.export.network_graph.Cells
    return largest_sizes / 4
