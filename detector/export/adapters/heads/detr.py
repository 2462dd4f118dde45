"""DETR and its kin: one prediction per query, boxes as shares of the image, no NMS needed.

Boxes (n, queries, 4) are centre and size from 0 to 1, and logits (n, queries, classes) are before
sigmoid. The first DETR has a class more, for "no object", and is before softmax instead.
Ultralytics joins both in rows, with scores after sigmoid: first (n, queries, 4 + classes), since
version 8.4 (n, k, 6), with a score and the number of a class.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.export.adapters.decoding import (
    FROM_CENTRES,
    NO_OVERLAP,
    ONE_CLASS,
    Decoding,
    class_numbers,
)
from detector.export.adapters.foreign import ForeignGraph, Value
from detector.export.adapters.grid import grid_of
from detector.export.adapters.tracing import class_count, nodes_behind

BOXES = "    cxcywh = Mul(given_boxes, image_sides)" + FROM_CENTRES
SIGMOID = """
    probabilities = Sigmoid(logits)
    every_score = Slice(probabilities, at_0, end, last)
"""
SOFTMAX = SIGMOID.replace("Sigmoid", "Softmax<axis = 2>")
ROWS = (
    """
    given_boxes = Slice(rows, at_0, at_4, last)
    every_score = Slice(rows, at_4, end, last)
"""
    + BOXES
)
FOUND = (
    """
    given_boxes = Slice(rows, at_0, at_4, last)
    score = Slice(rows, at_4, at_5, last)
    class = Slice(rows, at_5, at_6, last)
"""
    + BOXES
    + ONE_CLASS
)
COCO_AND_NONE = 92  # logits of the first DETR: the ids of COCO to 90, and "no object"


def recognise_rf_detr(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode the outputs `dets` and `labels`; None if the graph has others."""
    named = {value.name: value for value in graph.outputs}
    if set(named) != {"dets", "labels"}:
        return None
    return _decoding(graph, named["dets"], named["labels"], SIGMOID)


def recognise_softmax(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode logits with a class for "no object"; None if there is no such class."""
    found = _boxes_and_logits(graph)
    if found is None:
        return None
    columns = found[1].shape[2] or 0
    has_none = columns == COCO_AND_NONE or _names_all_but_one(graph, columns)
    return _decoding(graph, *found, SOFTMAX, classes=columns - 1) if has_none else None


def recognise_sigmoid(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode boxes and logits; None if the graph returns others."""
    found = _boxes_and_logits(graph)
    return _decoding(graph, *found, SIGMOID) if found else None


def recognise_rows(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode rows of box and scores; only names show that a row has 4 others."""
    (rows, *others) = graph.outputs
    classes = len(graph.names or ())
    if others or not classes or len(rows.shape) != 3 or rows.shape[2] != 4 + classes:
        return None
    if rows.shape[1] is None or _are_cells(rows.shape[1], graph):
        return None
    return _scaled(graph, ROWS, {"rows": rows}, classes, end=4 + classes)


def recognise_found(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode rows of box, score and class; only the metadata tell these boxes."""
    (rows, *others) = graph.outputs
    if graph.metadata.get("head") != "RTDETRDecoder" or others or rows.shape[2:] != (6,):
        return None
    classes = class_count(graph, rows)
    found = _scaled(graph, FOUND, {"rows": rows}, classes, end=6)
    return replace(found, constants={**found.constants, **class_numbers(classes)})


def _boxes_and_logits(graph: ForeignGraph) -> tuple[Value, Value] | None:
    """Return the outputs of boxes and logits, by their names if both have four columns."""
    values = [value for value in graph.outputs if value.is_float and len(value.shape) == 3]
    if len(values) != 2 or len(graph.outputs) != 2 or values[0].shape[1] != values[1].shape[1]:
        return None
    queries = values[0].shape[1]
    boxes = [value for value in values if value.shape[2] == 4]
    if len(boxes) == 2:
        boxes = [value for value in values if "box" in value.name.lower()]
    if len(boxes) != 1 or queries is None or _are_cells(queries, graph):
        return None
    logits = values[values[0] is boxes[0]]
    last = next(nodes_behind(graph.model, logits.name), None)
    if not logits.shape[2] or (last is not None and last.op_type in ("Sigmoid", "Softmax")):
        return None  # probabilities: another network
    return boxes[0], logits


def _names_all_but_one(graph: ForeignGraph, columns: int) -> bool:
    """Return whether the last column has no name: it is that of "no object"."""
    return graph.names is not None and len(graph.names) == columns - 1


def _are_cells(count: int, graph: ForeignGraph) -> bool:
    """Return whether predictions fill the usual grids, as those of YOLO-NAS do, in pixels."""
    grid = grid_of(count, graph.size)
    return grid is not None and grid.strides == (8, 16, 32)


def _decoding(
    graph: ForeignGraph, boxes: Value, logits: Value, scores: str, classes: int | None = None
) -> Decoding:
    """Return the decoding of boxes and logits; a name less than logits leaves out the last."""
    columns = logits.shape[2] or 0
    if classes is None:
        classes = columns - 1 if _names_all_but_one(graph, columns) else columns
    return _scaled(
        graph, BOXES + scores, {"given_boxes": boxes, "logits": logits}, classes, end=classes
    )


def _scaled(
    graph: ForeignGraph, body: str, reads: dict[str, Value], classes: int, end: int
) -> Decoding:
    height, width = graph.size
    constants: dict[str, NDArray[Any]] = {
        "image_sides": np.array([width, height, width, height], np.float32),
        "end": np.array([end]),
    }
    rows = next(iter(reads.values())).shape[1] or 0
    return Decoding(body, reads, rows, classes, constants, nms_iou=NO_OVERLAP)
