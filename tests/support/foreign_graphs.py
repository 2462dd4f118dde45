"""ONNX files with the heads of other exporters, on small random networks, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, parser

STRIDES = (8, 16, 32)
KEPT = 23  # objects that a head with NMS inside returns
QUERIES = 31  # rows of heads without a grid: no grid of the sizes in tests has as many
AT = {
    **{f"at_{number}": np.array([number]) for number in range(8)},
    "end": np.array([10_000]),
    "axis_1": np.array([1]),
    "axis_2": np.array([2]),
}


@dataclass(frozen=True)
class Form:
    """How a file is written.

    size: (height, width); batch: None if it is open
    half: float16, as exporters write with `--half`; is_nchw: channels first
    open_size: the file leaves height and width open
    """

    classes: int = 3
    size: tuple[int, int] = (64, 96)
    batch: int | None = None
    half: bool = False
    is_nchw: bool = True
    open_size: bool = False
    opset: int = 17
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Head:
    """The nodes of a head, and what they need.

    text: from `images`, in ONNX text; outputs: name -> (element type, rank)
    columns: numbers per prediction that `grid` or `queries` in the text have
    scale: largest value of pixels that the network takes
    """

    text: str
    outputs: Mapping[str, tuple[str, int]]
    inputs: Mapping[str, str] = field(default_factory=dict)
    columns: int = 4  # beside classes
    per_cell: int = 0  # 0: queries instead of a grid
    scale: float = 1.0
    opsets: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


IN_PIXELS = """
    s = Sigmoid(raw)
    shares = Slice(s, at_0, at_4, axis_2)
    box = Mul(shares, sides)
"""
ROWS = (
    IN_PIXELS
    + """
    scores = Slice(s, at_4, end, axis_2)
    output = Concat<axis = 2>(box, scores)
"""
)
CORNERS = """
    middle = Slice(box, at_0, at_2, axis_2)
    extent = Slice(box, at_2, at_4, axis_2)
    lower = Sub(middle, extent)
    upper = Add(middle, extent)
    corners = Concat<axis = 2>(lower, upper)
"""
OBJECTNESS = """
    objectness = Slice(s, at_4, at_5, axis_2)
    probability = Slice(s, at_5, end, axis_2)
    every = Mul(objectness, probability)
"""
BEST = """
    flat_scores = Reshape(every, by_image)
    best, position = TopK<axis = 1>(flat_scores, kept)
    query = Div(position, class_count)
    before = Mul(query, class_count)
    number = Sub(position, before)
    query_3 = Unsqueeze(query, axis_2)
    query_4 = Concat<axis = 2>(query_3, query_3, query_3, query_3)
    chosen = GatherElements<axis = 1>(corners, query_4)
"""
HEADS = {
    "rows": Head(ROWS, {"output": ("float", 3)}, columns=5, per_cell=3),
    "rows of YOLOv6": Head(ROWS, {"output": ("float", 3)}, columns=5, per_cell=1),
    "columns": Head(
        ROWS.replace("output =", "rows =") + "output0 = Transpose<perm = [0, 2, 1]>(rows)",
        {"output0": ("float", 3)},
        per_cell=1,
    ),
    "YOLOX": Head(
        """
        log_box = Slice(raw, at_0, at_4, axis_2)
        logits = Slice(raw, at_4, end, axis_2)
        scores = Sigmoid(logits)
        output = Concat<axis = 2>(log_box, scores)
        """,
        {"output": ("float", 3)},
        columns=5,
        per_cell=1,
        scale=255,
    ),
    "YOLOX decoded": Head(
        """
        offset = Slice(raw, at_0, at_2, axis_2)
        logarithm = Slice(raw, at_2, at_4, axis_2)
        logits = Slice(raw, at_4, end, axis_2)
        scores = Sigmoid(logits)
        middle = Mul(offset, ten)
        exponential = Exp(logarithm)
        extent = Mul(exponential, ten)
        output = Concat<axis = 2>(middle, extent, scores)
        """,
        {"output": ("float", 3)},
        columns=5,
        per_cell=1,
        scale=255,
    ),
    "six": Head(
        IN_PIXELS
        + CORNERS
        + "every = Slice(s, at_4, end, axis_2)"
        + BEST
        + """
        number_f = Cast<to = 1>(number)
        best_3 = Unsqueeze(best, axis_2)
        number_3 = Unsqueeze(number_f, axis_2)
        output0 = Concat<axis = 2>(chosen, best_3, number_3)
        """,
        {"output0": ("float", 3)},
        per_cell=1,
    ),
    "seven": Head(
        IN_PIXELS
        + CORNERS
        + OBJECTNESS
        + """
        category = ArgMax<axis = 2, keepdims = 1>(every)
        category_f = Cast<to = 1>(category)
        best = GatherElements<axis = 2>(every, category)
        best_by_class = Transpose<perm = [0, 2, 1]>(best)
        shift = Mul(category_f, hundred)
        shifted = Add(corners, shift)
        selected = NonMaxSuppression(shifted, best_by_class, max_kept, max_iou, min_score)
        image = Slice(selected, at_0, at_1, axis_1)
        row = Slice(selected, at_2, at_3, axis_1)
        place = Concat<axis = 1>(image, row)
        image_f = Cast<to = 1>(image)
        box_of = GatherND(corners, place)
        category_of = GatherND(category_f, place)
        best_of = GatherND(best, place)
        output = Concat<axis = 1>(image_f, box_of, category_of, best_of)
        """,
        {"output": ("float", 2)},
        columns=5,
        per_cell=3,
    ),
    "counted": Head(
        IN_PIXELS
        + CORNERS
        + "every = Slice(s, at_4, end, axis_2)"
        + BEST
        + """
        det_classes = Cast<to = 6>(number)
        det_boxes = Identity(chosen)
        det_scores = Identity(best)
        is_found = Greater(best, threshold)
        found = Cast<to = 6>(is_found)
        num_dets = ReduceSum<keepdims = 1>(found, axis_1)
        """,
        {
            "num_dets": ("int32", 2),
            "det_boxes": ("float", 3),
            "det_scores": ("float", 2),
            "det_classes": ("int32", 2),
        },
        per_cell=1,
    ),
    "scaled": Head(
        """
        s = Sigmoid(raw)
        box = Slice(s, at_0, at_4, axis_2)
        every = Slice(s, at_4, end, axis_2)
        """
        + CORNERS.replace("corners =", "shares =")
        + """
        sizes_f = Cast<to = 1>(orig_target_sizes)
        twice = Concat<axis = 1>(sizes_f, sizes_f)
        by_query = Unsqueeze(twice, axis_1)
        corners = Mul(shares, by_query)
        """
        + BEST
        + """
        labels = Identity(number)
        boxes = Identity(chosen)
        scores = Identity(best)
        """,
        {"labels": ("int64", 2), "boxes": ("float", 3), "scores": ("float", 2)},
        inputs={"orig_target_sizes": "int64[N, 2]"},
    ),
    "DETR": Head(
        """
        box = Slice(raw, at_0, at_4, axis_2)
        pred_boxes = Sigmoid(box)
        logits = Slice(raw, at_4, end, axis_2)
        """,
        {"logits": ("float", 3), "pred_boxes": ("float", 3)},
    ),
    "DETR with softmax": Head(  # of its logits, the last is "no object"
        """
        box = Slice(raw, at_0, at_4, axis_2)
        pred_boxes = Sigmoid(box)
        logits = Slice(raw, at_4, end, axis_2)
        """,
        {"logits": ("float", 3), "pred_boxes": ("float", 3)},
        columns=5,
    ),
    "RF-DETR": Head(
        """
        box = Slice(raw, at_0, at_4, axis_2)
        dets = Sigmoid(box)
        labels = Slice(raw, at_4, end, axis_2)
        """,
        {"dets": ("float", 3), "labels": ("float", 3)},
    ),
    "DETR in rows": Head("output0 = Sigmoid(raw)", {"output0": ("float", 3)}),
    "DETR in rows of six": Head(
        """
        box = Slice(raw, at_0, at_4, axis_2)
        corners = Sigmoid(box)
        logits = Slice(raw, at_4, end, axis_2)
        every = Sigmoid(logits)
        """
        + BEST
        + """
        number_f = Cast<to = 1>(number)
        best_3 = Unsqueeze(best, axis_2)
        number_3 = Unsqueeze(number_f, axis_2)
        output0 = Concat<axis = 2>(chosen, best_3, number_3)
        """,
        {"output0": ("float", 3)},
        metadata={"head": "RTDETRDecoder"},
    ),
    "plugin": Head(
        IN_PIXELS
        + OBJECTNESS
        + """
        num_dets, det_boxes, det_scores, det_classes = TRT.EfficientNMS_TRT<
            background_class = -1, box_coding = [1], max_output_boxes = 100,
            score_activation = 0>(box, every)
        """,
        {
            "num_dets": ("int32", 2),
            "det_boxes": ("float", 3),
            "det_scores": ("float", 2),
            "det_classes": ("int32", 2),
        },
        columns=5,
        per_cell=3,
        opsets=', "TRT": 1',
    ),
}


def write_foreign(head: str, path: Path, form: Form | None = None) -> Path:
    """Write a file with this head, one of `HEADS`, and return `path`."""
    onnx.save(foreign_model(HEADS[head], form or Form()), path)
    return path


def foreign_model(head: Head, form: Form) -> onnx.ModelProto:
    """Return a random network with a head."""
    rng = np.random.default_rng(form.classes)
    columns = head.columns + form.classes
    trunk, constants = _trunk(head, form, columns, rng)
    height, width = form.size
    constants |= AT | {
        "sides": np.array([width, height, width / 2, height / 2], np.float32),
        "ten": np.array(10, np.float32),
        "hundred": np.array(100, np.float32),
        "class_count": np.array(form.classes),
        "by_image": np.array([0, -1]),
        "kept": np.array([KEPT]),
        "threshold": np.array(0.5, np.float32),
        "max_kept": np.array([30]),
        "max_iou": np.array([0.5], np.float32),
        "min_score": np.array([0.2], np.float32),
    }
    n = form.batch or "N"
    sides = "H, W" if form.open_size else f"{height}, {width}"
    shape = f"{n}, 3, {sides}" if form.is_nchw else f"{n}, {sides}, 3"
    inputs = [f"float[{shape}] images", *(f"{kind} {name}" for name, kind in head.inputs.items())]
    outputs = [
        f"{kind}[{', '.join('?' for _ in range(rank))}] {name}"
        for name, (kind, rank) in head.outputs.items()
    ]
    model = parser.parse_model(
        f'<ir_version: 8, opset_import: ["": {form.opset}{head.opsets}]>'
        f"network ({', '.join(inputs)}) => ({', '.join(outputs)}) {{ {trunk} {head.text} }}"
    )
    model.producer_name = "a test"
    read = {name for node in model.graph.node for name in node.input}
    for name, value in constants.items():
        if name in read:
            model.graph.initializer.append(numpy_helper.from_array(value, name))
    for key, text in (dict(head.metadata) | dict(form.metadata)).items():
        model.metadata_props.add(key=key, value=text)
    return _in_half(model) if form.half else model


def _trunk(
    head: Head, form: Form, columns: int, rng: np.random.Generator
) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return nodes from `images` to `raw`, (n, rows, columns), and their constants."""
    lines, constants = [], {}
    image = "images"
    if not form.is_nchw:
        lines.append("first = Transpose<perm = [0, 3, 1, 2]>(images)")
        image = "first"
    lines.append(f"pooled = AveragePool<kernel_shape = [8, 8], strides = [8, 8]>({image})")
    channels = columns * max(head.per_cell, 1)
    for stride in STRIDES if head.per_cell else (8,):
        kernel = rng.normal(0, 3, (channels, 3, 1, 1)) / head.scale
        kernel *= np.array([1.0, 0.6, 0.2]).reshape(1, 3, 1, 1)  # channels cannot be exchanged
        constants[f"w{stride}"] = kernel.astype(np.float32)
        constants[f"b{stride}"] = rng.normal(0, 0.5, channels).astype(np.float32)
        step = stride // 8
        lines += [
            f"c{stride} = Conv<kernel_shape = [1, 1], strides = [{step}, {step}]>"
            f"(pooled, w{stride}, b{stride})",
            f"g{stride} = Reshape(c{stride}, in_cells)",
            f"t{stride} = Transpose<perm = [0, 1, 3, 2]>(g{stride})",
            f"r{stride} = Reshape(t{stride}, in_rows)",
        ]
    constants["in_cells"] = np.array([0, max(head.per_cell, 1), columns, -1])
    constants["in_rows"] = np.array([0, -1, columns])
    if head.per_cell:
        lines.append("raw = Concat<axis = 1>(r8, r16, r32)")
    else:
        constants["queries"] = np.array([QUERIES])
        lines.append("raw = Slice(r8, at_0, queries, axis_1)")
    return "\n".join(lines), constants


def _in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with float16 in place of float32, also in its inputs and outputs."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for value in [*model.graph.input, *model.graph.output]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    return model


def other_graph(
    path: Path,
    inputs: Sequence[tuple[str, int, Sequence[int | str]]],
    outputs: Sequence[tuple[str, Sequence[int]]],
    metadata: Mapping[str, str] | None = None,
    opset: int = 17,
) -> Path:
    """Write a graph with these inputs (name, type, shape) and float outputs, without a network."""
    taken = [helper.make_tensor_value_info(*each) for each in inputs]
    returned = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs
    ]
    shapes = [
        numpy_helper.from_array(np.array(shape), f"shape of {name}") for name, shape in outputs
    ]
    nodes = [helper.make_node("Shape", [name], [f"sides of {name}"]) for name, _, _ in inputs] + [
        helper.make_node("ReduceMax", [f"sides of {inputs[0][0]}"], ["side"])
    ]
    nodes.append(helper.make_node("Cast", ["side"], ["number"], to=TensorProto.FLOAT))
    nodes += [
        helper.make_node("Expand", ["number", f"shape of {name}"], [name]) for name, _ in outputs
    ]
    graph = helper.make_graph(nodes, "other", taken, returned, shapes)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.save(model, path)
    return path
