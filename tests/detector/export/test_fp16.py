"""A typed FP16 model is in half precision up to the logits, and in float32 after them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from detector.errors import ModelError
from detector.export.fp16 import to_half


def model_of(
    nodes: list[Any], initializers: dict[str, Any], shape: tuple[int, ...] = (1, 1, 4, 4)
) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", 1, "h", "w"))],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in initializers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def kinds_of(model: ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    return {value.name: value.type.tensor_type.elem_type for value in graph.value_info}


def node(operation: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(operation, inputs, [output], name=output, **attributes)


ONES = np.ones((1, 1, 1, 1), np.float32)


def test_a_convolution_that_only_decodes_boxes_is_no_layer() -> None:
    """Distribution focal loss: softmax over distances 0, 1, 2, 3, then their mean."""
    learnt = np.full((4, 1, 1, 1), 0.3, np.float32)
    nodes = [
        node("Cast", ["x"], "cast", to=TensorProto.FLOAT),
        node("Conv", ["cast", "w"], "logits"),
        node("Softmax", ["logits"], "shares", axis=1),
        node("Conv", ["shares", "distances"], "y"),
    ]
    distances = np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1)
    kinds = kinds_of(to_half(model_of(nodes, {"w": learnt, "distances": distances})))
    assert kinds["logits"] == TensorProto.FLOAT16 and kinds["shares"] == TensorProto.FLOAT


def test_nodes_after_the_last_layer_stay_float32() -> None:
    nodes = [
        node("Cast", ["x"], "cast", to=TensorProto.FLOAT),
        node("Mul", ["cast", "scale"], "scaled"),
        node("Conv", ["scaled", "w"], "features"),
        node("Sigmoid", ["features"], "act"),
        node("Conv", ["act", "w"], "logits"),
        node("Sigmoid", ["logits"], "probability"),
        node("Mul", ["probability", "scale"], "y"),
    ]
    half = to_half(model_of(nodes, {"w": ONES, "scale": np.float32(2)}))
    kinds = kinds_of(half)
    for name in ("cast", "scaled", "features", "act", "logits"):
        assert kinds[name] == TensorProto.FLOAT16
    assert kinds["probability"] == TensorProto.FLOAT
    constants = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    assert constants == {  # `scale` is read in both types
        "w_half": TensorProto.FLOAT16,
        "scale": TensorProto.FLOAT,
        "scale_half": TensorProto.FLOAT16,
    }


def test_the_scales_of_a_resize_stay_float32_as_onnx_requires() -> None:
    twice = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32))
    nodes = [
        node("Constant", [], "scales", value=twice),
        node("Cast", ["x"], "cast", to=TensorProto.FLOAT),
        node("Resize", ["cast", "", "scales"], "larger", mode="nearest"),
        node("Conv", ["larger", "w"], "logits"),
        node("Sigmoid", ["logits"], "y"),
    ]
    half = to_half(model_of(nodes, {"w": ONES}))
    assert kinds_of(half)["larger"] == TensorProto.FLOAT16
    constants = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    assert constants["scales"] == TensorProto.FLOAT


def test_a_model_whose_output_is_a_layer_is_refused() -> None:
    nodes = [node("Cast", ["x"], "cast", to=TensorProto.FLOAT), node("Conv", ["cast", "w"], "y")]
    with pytest.raises(ModelError, match="cannot be converted to half precision"):
        to_half(model_of(nodes, {"w": ONES}))


def test_a_weight_beyond_half_precision_is_named() -> None:
    nodes = [node("Cast", ["x"], "cast", to=TensorProto.FLOAT), node("Conv", ["cast", "w"], "f")]
    nodes.append(node("Sigmoid", ["f"], "y"))
    with pytest.raises(ModelError, match="'w' holds numbers up to 70000; half precision ends at"):
        to_half(model_of(nodes, {"w": ONES * 7e4}))


def test_the_input_model_is_not_changed(tmp_path: Path) -> None:
    nodes = [node("Cast", ["x"], "cast", to=TensorProto.FLOAT), node("Conv", ["cast", "w"], "f")]
    nodes.append(node("Sigmoid", ["f"], "y"))
    model = model_of(nodes, {"w": ONES})
    before = model.SerializeToString()
    to_half(model)
    assert model.SerializeToString() == before
