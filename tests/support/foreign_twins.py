"""What the model of a foreign file must return, computed from the file's own outputs in numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.support.foreign_graphs import STRIDES, Form

Array = NDArray[Any]
Outputs = dict[str, Array]
Objects = tuple[Array, Array]  # (k, 4) corners in pixels, (k, classes) scores
IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))


def objects_by_hand(head: str, path: Path, images: Array, form: Form) -> list[Objects]:
    """Return what a file with this head finds in (n, h, w, 3) bytes, per image and best first."""
    outputs = _outputs(path, _pixels(head, images, form), form)
    found = []
    for i in range(len(images)):
        boxes, scores = DECODERS[head](outputs, i, form)
        order = np.argsort(-scores.max(axis=1), kind="stable")
        found.append((boxes[order], scores[order]))
    return found


def _pixels(head: str, images: Array, form: Form) -> Array:
    pixels = images[..., ::-1] if head.startswith("YOLOX") else images / 255
    if head in ("RF-DETR", "DETR with softmax"):
        pixels = (pixels - IMAGENET[0]) / IMAGENET[1]
    if form.is_nchw:
        pixels = pixels.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(pixels, np.float16 if form.half else np.float32)


def _outputs(path: Path, pixels: Array, form: Form) -> Outputs:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(_without_plugin(path), options)
    feeds = {"images": pixels}
    if len(session.get_inputs()) > 1:
        feeds["orig_target_sizes"] = np.array([form.size[::-1]] * len(pixels))
    names = [output.name for output in session.get_outputs()]
    values = session.run(None, feeds)
    return {name: value.astype(np.float64) for name, value in zip(names, values, strict=True)}


def _without_plugin(path: Path) -> bytes:
    """Return a file without TensorRT's plugin, which no other runtime has."""
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "EfficientNMS_TRT":
            kind = model.graph.input[0].type.tensor_type.elem_type or TensorProto.FLOAT
            del model.graph.output[:]
            for name in node.input:
                model.graph.output.append(helper.make_tensor_value_info(name, kind, None))
            model.graph.node.remove(node)
            break
    return bytes(model.SerializeToString())


def _corners(cxcywh: Array) -> Array:
    cx, cy, w, h = cxcywh.T
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1)


def _rows(outputs: Outputs, i: int, form: Form) -> Objects:
    rows = outputs["output"][i]
    return _corners(rows[:, :4]), rows[:, 4:5] * rows[:, 5:]


def _columns(outputs: Outputs, i: int, form: Form) -> Objects:
    columns = outputs["output0"][i]
    return _corners(columns[:4].T), columns[4:].T


def _yolox(outputs: Outputs, i: int, form: Form) -> Objects:
    rows = outputs["output"][i].copy()
    number = 0
    for stride in STRIDES:
        for y in range(form.size[0] // stride):
            for x in range(form.size[1] // stride):
                rows[number, :2] = (rows[number, :2] + [x, y]) * stride
                rows[number, 2:4] = np.exp(rows[number, 2:4]) * stride
                number += 1
    assert number == len(rows)
    return _corners(rows[:, :4]), rows[:, 4:5] * rows[:, 5:]


def _of_one_class(boxes: Array, scores: Array, classes: Array, form: Form) -> Objects:
    table = np.zeros((len(boxes), form.classes))
    table[np.arange(len(boxes)), classes.astype(int)] = scores
    return boxes, table


def _six(outputs: Outputs, i: int, form: Form) -> Objects:
    rows = outputs["output0"][i]
    return _of_one_class(rows[:, :4], rows[:, 4], rows[:, 5], form)


def _seven(outputs: Outputs, i: int, form: Form) -> Objects:
    rows = outputs["output"]
    rows = rows[rows[:, 0] == i]
    return _of_one_class(rows[:, 1:5], rows[:, 6], rows[:, 5], form)


def _counted(outputs: Outputs, i: int, form: Form) -> Objects:
    count = int(outputs["num_dets"][i, 0])
    boxes, scores, classes = (
        outputs[f"det_{name}"][i, :count] for name in ("boxes", "scores", "classes")
    )
    return _of_one_class(boxes, scores, classes, form)


def _scaled(outputs: Outputs, i: int, form: Form) -> Objects:
    return _of_one_class(outputs["boxes"][i], outputs["scores"][i], outputs["labels"][i], form)


def _queries(boxes: Array, form: Form) -> Array:
    height, width = form.size
    return _corners(boxes * [width, height, width, height])


def _detr(outputs: Outputs, i: int, form: Form) -> Objects:
    return _queries(outputs["pred_boxes"][i], form), 1 / (1 + np.exp(-outputs["logits"][i]))


def _rf_detr(outputs: Outputs, i: int, form: Form) -> Objects:
    return _queries(outputs["dets"][i], form), 1 / (1 + np.exp(-outputs["labels"][i]))


def _softmax(outputs: Outputs, i: int, form: Form) -> Objects:
    powers = np.exp(outputs["logits"][i])
    shares = powers / powers.sum(axis=1, keepdims=True)
    return _queries(outputs["pred_boxes"][i], form), shares[:, :-1]


def _detr_rows(outputs: Outputs, i: int, form: Form) -> Objects:
    rows = outputs["output0"][i]
    return _queries(rows[:, :4], form), rows[:, 4:]


def _detr_found(outputs: Outputs, i: int, form: Form) -> Objects:
    rows = outputs["output0"][i]
    return _of_one_class(_queries(rows[:, :4], form), rows[:, 4], rows[:, 5], form)


def _plugin(outputs: Outputs, i: int, form: Form) -> Objects:
    return _corners(outputs["box"][i]), outputs["every"][i]


DECODERS: dict[str, Callable[[Outputs, int, Form], Objects]] = {
    "rows": _rows,
    "rows of YOLOv6": _rows,
    "columns": _columns,
    "YOLOX": _yolox,
    "YOLOX decoded": _rows,
    "six": _six,
    "seven": _seven,
    "counted": _counted,
    "scaled": _scaled,
    "DETR": _detr,
    "DETR with softmax": _softmax,
    "RF-DETR": _rf_detr,
    "DETR in rows": _detr_rows,
    "DETR in rows of six": _detr_found,
    "plugin": _plugin,
}
