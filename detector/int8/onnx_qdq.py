"""The INT8 model for TensorRT: ONNX with quantisers (Q/DQ), all symmetric and signed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from detector.detections import UInt8Array
from detector.export.contract import SCORES
from detector.export.fp16 import is_layer
from detector.int8.calibration import calibrate
from detector.int8.layer_order import Op, before_layers, head
from detector.manifest import Manifest

QUANTISERS = ("QuantizeLinear", "DequantizeLinear")


def quantised_onnx(
    model: Path, manifest: Manifest, images: UInt8Array, float_layers: Collection[str]
) -> ModelProto:
    """Return the model in INT8, except for the head and `float_layers`.

    images: (n, h, w, 3) uint8 RGB, letterboxed, to measure ranges on
    Nodes in front of the first layers are not quantised either: bytes would be rounded twice.
    """
    floats = onnx.load(model)
    for node in floats.graph.node:
        node.name = node.name or node.output[0]  # `ignored` needs names
    ops = list(_ops(floats))
    quantised = calibrate(
        floats,
        images,
        1 if manifest.dynamic_batch else manifest.max_batch,
        ignored=head(ops) | before_layers(ops) | set(float_layers),
        symmetric=True,
        input_name="images",
    )
    make_signed(quantised)
    onnx.checker.check_model(quantised, full_check=True)
    return quantised


def save(model: ModelProto, path: Path, odds: float) -> None:
    """Write a model to `path` (.onnx), with its scores raised.

    odds: see score_odds
    """
    onnx.save(_with_odds(model, odds), path)


def _with_odds(model: ModelProto, odds: float) -> ModelProto:
    """Return a copy whose scores p have become p / (p + (1 - p) / odds)."""
    raised = ModelProto()
    raised.CopyFrom(model)
    graph = raised.graph
    last = next(node for node in graph.node if SCORES in node.output)
    last.output[list(last.output).index(SCORES)] = f"{SCORES}/rounded"
    for name, value in (("factor", 1 - 1 / odds), ("rest", 1 / odds)):
        tensor = numpy_helper.from_array(np.array(value, np.float32), f"{SCORES}/{name}")
        graph.initializer.append(tensor)
    for kind, reads, made in (
        ("Mul", ("rounded", "factor"), f"{SCORES}/part"),
        ("Add", ("part", "rest"), f"{SCORES}/whole"),
        ("Div", ("rounded", "whole"), SCORES),
    ):
        inputs = [f"{SCORES}/{name}" for name in reads]
        graph.node.append(helper.make_node(kind, inputs, [made]))
    onnx.checker.check_model(raised, full_check=True)
    return raised


def make_signed(model: ModelProto) -> None:
    """Turn unsigned quantisers into signed ones with the same range.

    TensorRT reads unsigned ones as signed, and would clip at half of their range.
    """
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    unsigned = list(unsigned_quantisers(model))
    scales, zeros = ({node.input[index] for node in unsigned} for index in (1, 2))
    for name in scales:
        wider = numpy_helper.to_array(tensors[name]) * np.float32(255 / 127)
        tensors[name].CopyFrom(numpy_helper.from_array(np.asarray(wider, np.float32), name))
    for name in zeros:
        zero = numpy_helper.to_array(tensors[name])
        assert not zero.any(), f"{name} is {zero}, not symmetric"
        tensors[name].CopyFrom(numpy_helper.from_array(zero.astype(np.int8), name))
    del model.graph.value_info[:]  # they say unsigned
    assert not list(unsigned_quantisers(model))


def unsigned_quantisers(model: ModelProto) -> Iterator[NodeProto]:
    """Yield the nodes whose zero point is unsigned."""
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in QUANTISERS and kinds[node.input[2]] == TensorProto.UINT8:
            yield node


def _ops(model: ModelProto) -> Iterator[Op]:
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    made_by = {output: node.name for node in model.graph.node for output in node.output}
    for node in model.graph.node:
        reads = tuple(made_by[name] for name in node.input if name in made_by)
        yield Op(node.name, reads, is_layer(node, constants))
