"""Convert ONNX files of other YOLOv7 exporters to models that follow our contract.

Such a graph takes float images, N x 3 x H x W, RGB, 0..1, and returns all of its rows, N x rows x
(5 + C): cx, cy, w, h in pixels, objectness, class scores. We add a front that takes bytes and a
tail that picks the best rows, both in ONNX, so that every engine can run the result.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, ValueInfoProto, compose, parser, version_converter

from detector.atomic_write import replacing
from detector.errors import ModelError
from detector.export.fp16 import to_half
from detector.letterbox import PAD_VALUE
from detector.manifest import Manifest, manifest_path, sha256_of

PER_CELL = 3  # anchors per cell in every YOLOv7
STRIDES = ((8, 16, 32), (8, 16, 32, 64))
OPSETS = range(9, 24)  # accepted
INFERS_SHAPES = 14  # from this opset on, ONNX can infer the shapes of the outputs
NEWER = 17  # opset that older graphs are converted to: TensorRT 8.5 (JetPack 5) and newer read it
MAX_BATCH = 8
FRONT = """
<ir_version: {ir}, opset_import: ["": {opset}]>
front (uint8[{n}, {height}, {width}, 3] images) => (float[{n}, 3, {height}, {width}] pixels)
<float white = {{255}}>
{{
    bytes = Cast<to = 1>(images)
    shares = Div(bytes, white)
    pixels = Transpose<perm = [0, 3, 1, 2]>(shares)
}}
"""
TAIL = """
<ir_version: {ir}, opset_import: ["": {opset}]>
tail (float[{n}, {rows}, {numbers}] rows)
    => (float[{n}, {k}, 4] boxes, float[{n}, {k}, {classes}] scores)
<
    int64 none = {{0}}, int64 one = {{1}}, int64[1] at_0 = {{0}}, int64[1] at_2 = {{2}},
    int64[1] at_4 = {{4}}, int64[1] at_5 = {{5}}, int64[1] end = {{{numbers}}},
    int64[1] last = {{2}}, int64[1] k = {{{k}}}, int64 all_rows = {{{rows}}},
    int64[2] column = {{-1, 1}}, int64[1] flat = {{-1}}, int64[2] as_boxes = {{-1, 4}},
    int64[2] as_scores = {{-1, {classes}}}, int64[3] best_boxes = {{-1, {k}, 4}},
    int64[3] best_scores = {{-1, {k}, {classes}}}, float two = {{2}}
>
{{
    every_box = Slice(rows, at_0, at_4, last)
    objectness = Slice(rows, at_4, at_5, last)
    probability = Slice(rows, at_5, end, last)
    every_score = Mul(objectness, probability)
    rank = {reduce_max}
    ranked, places = TopK<axis = 1>(rank, k)
    shape = Shape(rows)
    count = Gather(shape, none)
    pictures = Range(none, count, one)
    first_rows = Mul(pictures, all_rows)
    offsets = Reshape(first_rows, column)
    picked = Add(places, offsets)
    picked_rows = Reshape(picked, flat)
    box_rows = Reshape(every_box, as_boxes)
    picked_boxes = Gather(box_rows, picked_rows)
    cxcywh = Reshape(picked_boxes, best_boxes)
    score_rows = Reshape(every_score, as_scores)
    picked_scores = Gather(score_rows, picked_rows)
    scores = Reshape(picked_scores, best_scores)
    centre = Slice(cxcywh, at_0, at_2, last)
    size = Slice(cxcywh, at_2, at_4, last)
    half = Div(size, two)
    lower = Sub(centre, half)
    upper = Add(centre, half)
    boxes = Concat<axis = 2>(lower, upper)
}}
"""


class RawGraph(NamedTuple):
    """The input and output of a graph.

    batch: fixed batch size, None if it is dynamic; size: (height, width) in pixels
    """

    pixels: str
    rows_name: str
    batch: int | None
    size: tuple[int, int]
    rows: int
    numbers: int


def adapt_model(
    raw: Path,
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    precision: str = "fp32",
    top_k: int = 512,
) -> Manifest:
    """Write `path` (.onnx) and its manifest, and return the manifest.

    class_names: None: those in the file, or else numbers
    size: (height, width) of the images, if the graph leaves it open
    precision: fp32, or fp16 up to the logits of the head
    Raises ModelError for a graph of another kind.
    """
    model = _read(raw)
    graph = _examine(model, raw, size)
    classes = graph.numbers - 5
    names = list(class_names or _names_inside(model) or [f"class {i}" for i in range(classes)])
    if len(names) != classes:
        raise ModelError(f"{len(names)} names given, but '{raw}' has {classes} classes")
    strides, k = _strides(graph, raw), min(top_k, graph.rows)
    whole = _enclosed(model, graph, k)
    with replacing(path) as written:
        onnx.save(to_half(whole) if precision == "fp16" else whole, written)
        onnx.checker.check_model(written, full_check=True)
        digest = sha256_of(written)
    manifest = Manifest(
        classes=tuple(names),
        input_size=graph.size,
        strides=strides,
        precision=precision,
        max_batch=graph.batch or MAX_BATCH,
        dynamic_batch=graph.batch is None,
        top_k=k,
        pad_value=PAD_VALUE,
        onnx_sha256=digest,
        weights_sha256=None,
        tools={"onnx": onnx.__version__, "exporter": model.producer_name or "unknown"},
        source_sha256=sha256_of(raw),
    )
    manifest.write(
        manifest_path(path)
    )  # after the model: an old manifest never matches a new model
    return manifest


def _read(raw: Path) -> ModelProto:
    if not raw.is_file():
        raise ModelError(f"no model '{raw}': give the path of an .onnx file")
    try:
        model = onnx.load(raw)
        opset = _opset(model)
        if opset not in OPSETS:
            raise ModelError(
                f"'{raw}' has opset {opset}: export it with one from {OPSETS[0]} to {OPSETS[-1]}"
            )
        onnx.checker.check_model(model)
    except (DecodeError, StopIteration, onnx.checker.ValidationError) as error:
        raise ModelError(f"'{raw}' is not an ONNX file, or it is damaged: {error}") from error
    return model if opset >= INFERS_SHAPES else _newer(model, raw)


def _newer(model: ModelProto, raw: Path) -> ModelProto:
    try:
        return version_converter.convert_version(model, NEWER)
    except (version_converter.ConvertError, RuntimeError) as error:
        raise ModelError(
            f"'{raw}' has opset {_opset(model)}, which cannot be converted to {NEWER} ({error}): "
            f"export it with opset {NEWER}"
        ) from error


def _opset(model: ModelProto) -> int:
    return int(next(e.version for e in model.opset_import if e.domain in ("", "ai.onnx")))


def _examine(model: ModelProto, raw: Path, size: tuple[int, int] | None) -> RawGraph:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1 or not _is_image(inputs[0]):
        raise ModelError(
            f"'{raw}' takes {_described(inputs)}: one input of float32 images, "
            "(N, 3, height, width), is accepted"
        )
    _close_size(inputs[0], raw, size)
    batch, _, height, width = _dims(inputs[0])
    returned = _outputs_for_one(model, inputs[0].name)
    outputs = [value for value in returned if _is_rows(value)]
    if len(outputs) != 1:
        raise ModelError(
            f"'{raw}' returns {_described(returned)}: one output of decoded rows, "
            "(N, rows, 5 + classes), is accepted; export it with its grid, and without "
            "non-maximum suppression"
        )
    _, rows, numbers = _dims(outputs[0])
    assert height and width and rows and numbers
    return RawGraph(inputs[0].name, outputs[0].name, batch, (height, width), rows, numbers)


def _outputs_for_one(model: ModelProto, pixels: str) -> list[ValueInfoProto]:
    """Return the outputs with their shapes for one image: for a dynamic batch ONNX infers none."""
    one = ModelProto()
    one.CopyFrom(model)
    del one.graph.value_info[:]
    for value in one.graph.input:
        if value.name == pixels:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    for value in one.graph.output:
        value.type.tensor_type.ClearField("shape")
    return list(onnx.shape_inference.infer_shapes(one, data_prop=True).graph.output)


def _is_image(value: ValueInfoProto) -> bool:
    dims = _dims(value)
    return _is_float(value) and len(dims) == 4 and dims[1] == 3


def _is_rows(value: ValueInfoProto) -> bool:
    dims = _dims(value)
    return _is_float(value) and len(dims) == 3 and bool(dims[1]) and (dims[2] or 0) > 5


def _is_float(value: ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT)


def _dims(value: ValueInfoProto) -> list[int | None]:
    """Return the shape, with None for open dimensions."""
    return [dim.dim_value or None for dim in value.type.tensor_type.shape.dim]


def _close_size(value: ValueInfoProto, raw: Path, size: tuple[int, int] | None) -> None:
    """Write the requested size into the shape of the input, if it is open there."""
    height, width = _dims(value)[2:]
    if size is None and not (height and width):
        raise ModelError(f"'{raw}' leaves the size of its images open: give it with --imgsz")
    if size is None or (height, width) == size:
        return
    if height or width:
        raise ModelError(
            f"'{raw}' is made for {height} x {width} (height x width), not {size[0]} x {size[1]}: "
            "leave --imgsz out"
        )
    for dim, length in zip(value.type.tensor_type.shape.dim[2:], size, strict=True):
        dim.dim_value = length


def _described(values: Sequence[ValueInfoProto]) -> str:
    kinds = [
        f"{value.name} {TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()} "
        f"({', '.join(str(dim or '?') for dim in _dims(value))})"
        for value in values
    ]
    return ", ".join(kinds)


def _names_inside(model: ModelProto) -> list[str]:
    """Return the class names that some exporters write into the file, as a Python literal."""
    for entry in model.metadata_props:
        if entry.key == "names":
            try:
                names = ast.literal_eval(entry.value)
            except (ValueError, SyntaxError):
                return []
            ordered = [names[i] for i in sorted(names)] if isinstance(names, dict) else names
            return [str(name) for name in ordered]
    return []


def _strides(graph: RawGraph, raw: Path) -> tuple[int, ...]:
    height, width = graph.size
    counts = {
        PER_CELL * sum((height // s) * (width // s) for s in strides): strides
        for strides in STRIDES
        if height % strides[-1] == width % strides[-1] == 0
    }
    if graph.rows not in counts:
        known = " or ".join(map(str, counts)) or "none at this size"
        raise ModelError(
            f"'{raw}' returns {graph.rows} rows for {height} x {width}, but a YOLOv7 network "
            f"returns {known}: only YOLOv7 is accepted"
        )
    return counts[graph.rows]


def _enclosed(model: ModelProto, graph: RawGraph, k: int) -> ModelProto:
    """Return the graph between its front and its tail."""
    opset, classes = _opset(model), graph.numbers - 5
    reduce = "ReduceMax<keepdims = 0>(every_score, last)"
    if opset < 18:  # the axes were an attribute then
        reduce = "ReduceMax<keepdims = 0, axes = [2]>(every_score)"
    values = {"ir": model.ir_version, "opset": opset, "n": graph.batch or "n", "k": k}
    height, width = graph.size
    front = parser.parse_model(FRONT.format(**values, height=height, width=width))
    tail = parser.parse_model(
        TAIL.format(
            **values, rows=graph.rows, numbers=graph.numbers, classes=classes, reduce_max=reduce
        )
    )
    inner = compose.add_prefix(model, "raw/")
    pixels, rows = f"raw/{graph.pixels}", f"raw/{graph.rows_name}"
    whole = compose.merge_models(front, inner, [("pixels", pixels)], outputs=[rows])
    return compose.merge_models(whole, tail, [(rows, "rows")])
