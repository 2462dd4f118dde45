"""Convert a model from float32 to typed FP16: half precision up to the logits of the head.

Sigmoid, grid and box arithmetic and both outputs stay float32: in half precision boxes would be off
by up to 0.8 pixels at 640, and by 1.2 at 1280.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from detector.errors import ModelError

# Operations with weights; the last nodes of these types in a network produce the logits
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
FEW = 32  # weights that arithmetic has at most
LARGEST = float(np.finfo(np.float16).max)


def to_half(model: ModelProto) -> ModelProto:
    """Return the model with its layers, and all nodes in front of a layer, in float16.

    The types are in the file; TensorRT follows them exactly.
    Raises ModelError for a model that cannot be converted.
    """
    half = ModelProto()
    half.CopyFrom(model)
    _lift_constants(half)
    kinds = _element_types(half)
    nodes = [node for node in _up_to_last_layers(half) if _returns_float(node, kinds)]
    made = {name for node in nodes for name in node.output}
    _convert_nodes(half, nodes, made, kinds)
    _return_to_float(half, made)
    del half.graph.value_info[:]  # they say float32
    try:
        onnx.checker.check_model(half, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the model cannot be converted to half precision: {reason}") from error
    return half


def is_layer(node: NodeProto, constants: Mapping[str, TensorProto]) -> bool:
    """Return whether a node has learnt weights; constants: those of the graph, by name."""
    if node.op_type not in LAYERS:
        return False
    weights = [numpy_helper.to_array(constants[name]) for name in node.input if name in constants]
    return not weights or not is_arithmetic(weights[0])


def is_arithmetic(weights: NDArray[Any]) -> bool:
    """Return whether weights are few multiples of one half: nobody has learnt those.

    YOLOv8 and others decode a box so: a convolution with 0, 1, 2, ... returns the mean of a
    distribution. YOLOv7's `--end2end` multiplies centre and size by a matrix to get corners.
    """
    return 1 < weights.size <= FEW and bool((2 * weights == np.round(2 * weights)).all())


def _lift_constants(model: ModelProto) -> None:
    """Turn constant nodes into initializers, so that there is one kind of constant."""
    for node in [node for node in model.graph.node if node.op_type == "Constant"]:
        values = [a.t for a in node.attribute if a.name == "value"]
        if values:
            values[0].name = node.output[0]
            model.graph.initializer.append(values[0])
            model.graph.node.remove(node)


def _element_types(model: ModelProto) -> dict[str, int]:
    """Return the element type of each value, by name."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    described = [*graph.input, *graph.value_info, *graph.output]
    kinds = {value.name: value.type.tensor_type.elem_type for value in described}
    return kinds | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _up_to_last_layers(model: ModelProto) -> list[NodeProto]:
    """Return the layers, and all nodes whose results reach a layer."""
    producers = {name: node for node in model.graph.node for name in node.output}
    reached: dict[str, NodeProto] = {}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    waiting = [node for node in model.graph.node if is_layer(node, constants)]
    while waiting:
        node = waiting.pop()
        if node.output[0] not in reached:
            reached[node.output[0]] = node
            waiting += [producers[name] for name in _data_inputs(node) if name in producers]
    return list(reached.values())


def _data_inputs(node: NodeProto) -> Iterator[str]:
    """Yield the inputs that have the type of the result: a Resize has others, always float32."""
    yield from node.input[:1] if node.op_type == "Resize" else node.input


def _returns_float(node: NodeProto, kinds: dict[str, int]) -> bool:
    if any(attribute.type == attribute.GRAPH for attribute in node.attribute):
        raise ModelError(
            f"the model has a graph inside its node '{node.name}' ({node.op_type}), which cannot "
            "be converted to half precision: export it without control flow"
        )
    return kinds[node.output[0]] == TensorProto.FLOAT


def _convert_nodes(
    model: ModelProto, nodes: list[NodeProto], made: set[str], kinds: dict[str, int]
) -> None:
    """Make the nodes compute in half precision, with float16 copies of their constants."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    halved: set[str] = set()
    for node in nodes:
        for index, name in enumerate(_data_inputs(node)):
            if name in constants and kinds[name] == TensorProto.FLOAT:
                node.input[index] = f"{name}_half"
                halved.add(name)
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to":
                attribute.i = TensorProto.FLOAT16
    model.graph.initializer.extend(_halved(constants[name]) for name in sorted(halved))
    read = {name for node in model.graph.node for name in node.input}
    for name in halved - read:
        model.graph.initializer.remove(constants[name])


def as_half(values: NDArray[Any], name: str) -> NDArray[np.float16]:
    """Return a tensor in float16. Raises ModelError, with its name, if a number is too large."""
    largest = float(np.abs(values).max(initial=0))
    if largest > LARGEST:
        raise ModelError(
            f"'{name}' holds numbers up to {largest:.0f}; half precision ends at "
            f"{LARGEST:.0f}: use the model in fp32"
        )
    return values.astype(np.float16)


def _halved(tensor: TensorProto) -> TensorProto:
    values = as_half(numpy_helper.to_array(tensor), tensor.name)
    return numpy_helper.from_array(values, f"{tensor.name}_half")


def _return_to_float(model: ModelProto, made: set[str]) -> None:
    """Insert a cast to float32 after every half result that a float32 node reads."""
    wanted: set[str] = set()
    for node in model.graph.node:
        if node.output[0] in made:
            continue
        for index, name in enumerate(node.input):
            if name in made:
                node.input[index] = f"{name}_float"
                wanted.add(name)
    for index in reversed(range(len(model.graph.node))):
        for name in wanted.intersection(model.graph.node[index].output):
            full = f"{name}_float"
            cast = helper.make_node("Cast", [name], [full], name=full, to=TensorProto.FLOAT)
            model.graph.node.insert(index + 1, cast)
