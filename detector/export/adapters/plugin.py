"""TensorRT's plugin for non-maximum suppression, which some exporters append to a graph.

No other runtime has it. Its inputs are all boxes and scores, so the graph is cut in front of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from onnx import ModelProto, helper

PLUGIN = "EfficientNMS_TRT"


class Plugin(NamedTuple):
    """What the plugin read.

    boxes: (n, rows, 4), centre and size, or corners; scores: (n, rows, classes)
    is_centre: boxes are centre and size
    is_logits: scores are before sigmoid
    """

    boxes: str
    scores: str
    is_centre: bool
    is_logits: bool


def cut_plugin(model: ModelProto) -> Plugin | None:
    """Remove the plugin from a graph and return what it read; None if there is none."""
    graph = model.graph
    node = next((node for node in graph.node if node.op_type == PLUGIN), None)
    if node is None:
        return None
    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    graph.node.remove(node)
    del graph.output[:]
    boxes, scores = node.input[:2]
    kind = graph.input[0].type.tensor_type.elem_type  # float16 if all is
    for name in (boxes, scores):
        graph.output.append(helper.make_tensor_value_info(name, kind, [None] * 3))
    return Plugin(
        boxes,
        scores,
        is_centre=bool(_number(given.get("box_coding", 0))),
        is_logits=bool(_number(given.get("score_activation", 0))),
    )


def _number(value: Any) -> int:
    """Return an attribute; PyTorch writes some as lists of one."""
    return int(value[0] if isinstance(value, list | tuple) else value)
