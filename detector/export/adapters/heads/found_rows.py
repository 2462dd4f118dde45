"""Rows of found objects: NMS is inside the graph, or the network needs none.

(n, k, 6): x1, y1, x2, y2, score, class, from YOLOv10 and from exports with NMS.
(m, 7) with m open: number of the image, x1, y1, x2, y2, class, score, from YOLOv7's `--end2end`.
"""

from __future__ import annotations

import numpy as np

from detector.export.adapters.decoding import NO_OVERLAP, ONE_CLASS, Decoding, class_numbers
from detector.export.adapters.foreign import ForeignGraph, Value
from detector.export.adapters.grid import grid_of
from detector.export.adapters.tracing import class_count, nodes_behind

SIX = (
    """
    every_box = Slice(rows, at_0, at_4, last)
    score = Slice(rows, at_4, at_5, last)
    class = Slice(rows, at_5, at_6, last)
"""
    + ONE_CLASS
)
CHOOSING = {"NonMaxSuppression", "TopK"}  # what fills the rows; nothing does where rows are cells
MAX_FOUND = 300  # rows per image that an (m, 7) graph becomes
SEVEN = (
    """
    padded = Concat<axis = 0>(rows, empty_rows)
    image_column = Slice(padded, at_0, at_1, at_1)
    score_column = Slice(padded, at_6, at_7, at_1)
    image_of_row = Reshape(image_column, flat)
    score_of_row = Reshape(score_column, flat)
    count = Reshape(foreign_image_count, scalar)
    images = Range(zero, count, one)
    images_as_floats = Cast<to = 1>(images)
    each_image = Unsqueeze(images_as_floats, at_1)
    is_of_image = Equal(each_image, image_of_row)
    of_image = Cast<to = 1>(is_of_image)
    scores_by_image = Mul(of_image, score_of_row)
    best, numbers = TopK<axis = 1>(scores_by_image, max_found)
    found = Gather<axis = 0>(padded, numbers)
    every_box = Slice(found, at_1, at_5, last)
    class = Slice(found, at_5, at_6, last)
    score = Unsqueeze(best, at_2)
"""
    + ONE_CLASS
)


def recognise_six(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode rows of six numbers, None if the graph returns none."""
    rows = _only_rows(graph, axes=3, numbers=6)
    count = rows.shape[1] if rows else None
    if rows is None or count is None or "rtdetr" in str(graph.metadata.get("description")).lower():
        return None  # Ultralytics before 8.4 returned two classes so
    operations = {node.op_type for node in nodes_behind(graph.model, rows.name)}
    if grid_of(count, graph.size) and not operations & CHOOSING:
        return None
    classes = class_count(graph, rows)
    return Decoding(
        body=SIX,
        reads={"rows": rows},
        rows=count,
        classes=classes,
        constants=class_numbers(classes),
        nms_iou=NO_OVERLAP,
    )


def recognise_seven(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode rows of seven numbers, None if the graph returns none."""
    rows = _only_rows(graph, axes=2, numbers=7)
    if rows is None or rows.shape[0] is not None:
        return None
    classes = class_count(graph, rows)
    return Decoding(
        body=SEVEN,
        reads={"rows": rows},
        rows=MAX_FOUND,
        classes=classes,
        constants={
            "empty_rows": np.zeros((MAX_FOUND, 7), np.float32),
            "max_found": np.array([MAX_FOUND]),
            **class_numbers(classes),
        },
        nms_iou=NO_OVERLAP,
    )


def _only_rows(graph: ForeignGraph, *, axes: int, numbers: int) -> Value | None:
    """Return the only output, if it has so many axes, and so many numbers in a row."""
    (value, *others) = graph.outputs
    is_rows = value.is_float and len(value.shape) == axes and value.shape[-1] == numbers
    return value if is_rows and not others else None
