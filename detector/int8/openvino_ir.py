"""INT8 models for OpenVINO: with all layers quantised, or with some of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13
from openvino.passes import ConstantFolding, Manager

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.export.fp16 import is_arithmetic
from detector.hardware.openvino_core import CORE
from detector.int8.calibration import calibrate
from detector.int8.layer_order import Op, head
from detector.manifest import Manifest

SPLIT = "/WithoutBiases"  # OpenVINO splits a layer in two; the name of the first ends so


class Int8Maker:
    """Makes INT8 models of one float model.

    layers: names, in the ONNX file, of the layers that can be quantised: all but the head's
    """

    def __init__(self, model: Path, manifest: Manifest) -> None:
        self._batch = 1 if manifest.dynamic_batch else manifest.max_batch
        self.floats = CORE.read_model(model)
        self.floats.reshape([self._batch, *manifest.input_size, 3])
        passes = Manager()
        passes.register_pass(ConstantFolding())
        passes.run_passes(self.floats)  # NNCF corrects only constant biases
        self._head = head(_described(self.floats))
        self._layers = {
            _layer_name(op): op
            for op in _layers(self.floats)
            if op.get_friendly_name() not in self._head
        }
        self.layers = tuple(self._layers)

    def quantised(self, images: UInt8Array) -> ov.Model:
        """Return the model in INT8, except for the head."""
        return calibrate(
            self.floats.clone(), images, self._batch, ignored=self._head, symmetric=False
        )

    def restricted(self, quantised: ov.Model, layers: Collection[str]) -> ov.Model:
        """Return a copy of a quantised model in which only `layers` are quantised."""
        model = quantised.clone()
        needed: set[str] = set()
        for op in _layers(model):
            name = _layer_name(op)
            if name in layers:
                needed.update(found.get_friendly_name() for found in _quantisers_before(op))
            elif name in self._layers:
                _copy_constants(self._layers[name], op)
        for op in model.get_ordered_ops():
            if _is_quantiser(op) and op.get_friendly_name() not in needed:
                for reader in op.output(0).get_target_inputs():
                    reader.replace_source_output(op.input_value(0))
        return model

    def run(self, model: ov.Model, images: UInt8Array) -> list[Candidates]:
        """Return the candidates of one of these models for each image, computed in float32."""
        compiled = CORE.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = []
        for image in images:
            outputs = compiled([image[None].repeat(self._batch, axis=0)])
            first = (outputs[name][:1].copy() for name in ("boxes", "scores"))
            found.append(Candidates(*first))
        return found


def save(model: ov.Model, path: Path, odds: float) -> None:
    """Write a model as OpenVINO IR, `path` (.xml) and a .bin beside it, with its scores raised.

    odds: see score_odds
    """
    ov.save_model(_with_odds(model, odds), path, compress_to_fp16=False)


def _with_odds(model: ov.Model, odds: float) -> ov.Model:
    """Return a copy whose scores p have become p / (p + (1 - p) / odds)."""
    raised = model.clone()
    result = next(each for each in raised.get_results() if "scores" in each.output(0).names)
    scores = result.input_value(0)
    part = opset13.multiply(scores, opset13.constant(np.float32(1 - 1 / odds)))
    whole = opset13.add(part, opset13.constant(np.float32(1 / odds)))
    shares = opset13.divide(scores, whole).output(0)
    scores.get_tensor().set_names(set())
    shares.get_tensor().set_names({"scores"})
    result.input(0).replace_source_output(shares)
    return raised


def _layers(model: ov.Model) -> Iterator[Any]:
    return (op for op in model.get_ordered_ops() if _is_layer(op))


def _is_layer(op: Any) -> bool:
    """Return whether an operation is a convolution with learnt weights."""
    if op.get_type_name() != "Convolution":
        return False
    weights = op.input_value(1).get_node()
    return weights.get_type_name() != "Constant" or not is_arithmetic(weights.data)


def _described(model: ov.Model) -> Iterator[Op]:
    for op in model.get_ordered_ops():
        reads = tuple(value.get_node().get_friendly_name() for value in op.input_values())
        yield Op(op.get_friendly_name(), reads, _is_layer(op))


def _layer_name(op: Any) -> str:
    return str(op.get_friendly_name().removesuffix(SPLIT))


def _is_quantiser(op: Any) -> bool:
    return bool(op.get_type_name() == "FakeQuantize")


def _copy_constants(source: Any, layer: Any) -> None:
    """Copy the weights and the bias of one layer to another."""
    for before, now in ((source, layer), (_bias_addition(source), _bias_addition(layer))):
        if before is not None and now is not None:
            values = before.input_value(1).get_node().data
            now.input(1).replace_source_output(opset13.constant(values).output(0))


def _bias_addition(layer: Any) -> Any | None:
    readers = [reader.get_node() for reader in layer.output(0).get_target_inputs()]
    return next((reader for reader in readers if reader.get_type_name() == "Add"), None)


def _quantisers_before(layer: Any) -> Iterator[Any]:
    """Yield the quantisers whose results reach a layer without passing another layer."""
    waiting = [layer.input_value(0).get_node()]
    while waiting:
        op = waiting.pop()
        if _is_quantiser(op):
            yield op
        elif op.get_type_name() != "Convolution":
            waiting += [source.get_node() for source in op.input_values()]
