"""What a graph computes after its last layers: operations, and the number of classes in them."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import ModelProto, NodeProto, numpy_helper

from detector.errors import ModelError
from detector.export.adapters.foreign import ForeignGraph, Value
from detector.export.fp16 import is_layer

SHAPED = (  # operations whose other inputs are shapes, positions or axes
    "Expand",
    "Gather",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
)


def nodes_behind(model: ModelProto, output: str) -> Iterator[NodeProto]:
    """Yield the nodes between the last layers and an output, without those that compute shapes."""
    producers = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    seen: set[str] = set()
    waiting = [output]
    while waiting:
        node = producers.get(waiting.pop())
        if node is None or node.output[0] in seen or is_layer(node, constants):
            continue
        seen.add(node.output[0])
        yield node
        waiting += node.input[:1] if node.op_type in SHAPED else node.input


def class_count(graph: ForeignGraph, output: Value) -> int:
    """Return the number of classes: of their names, or as the graph computes them.

    Raises ModelError if neither says it.
    """
    count = len(graph.names or ()) or _classes_behind(graph.model, output.name)
    if not count:
        raise ModelError(
            f"'{graph.path}' returns the number of one class per object, and does not say how many "
            "classes there are: name them, `framelane models export FILE --names NAMES`"
        )
    return count


def _classes_behind(model: ModelProto, output: str) -> int | None:
    """Return the number of classes that the numbers in an output are chosen from.

    That is the divisor of positions among rows x classes, or the width of what an ArgMax reads.
    None if the graph does not say, or says several.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    found: set[int] = set()
    for node in nodes_behind(model, output):
        if node.op_type in ("Div", "Mod") and node.input[1] in constants:
            value = numpy_helper.to_array(constants[node.input[1]])
            if value.dtype.kind == "i" and value.size == 1:
                found.add(int(value.item()))
        elif node.op_type == "ArgMax":
            found |= {width for width in [_width(model, node)] if width}
    return found.pop() if len(found) == 1 else None


def _width(model: ModelProto, node: NodeProto) -> int | None:
    """Return the length of the axis that an ArgMax reduces, if ONNX can infer it."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    for value in [*inferred.value_info, *inferred.input]:
        if value.name == node.input[0]:
            dims = value.type.tensor_type.shape.dim
            axis = next((each.i for each in node.attribute if each.name == "axis"), 0)
            return int(dims[axis].dim_value) or None
    return None
