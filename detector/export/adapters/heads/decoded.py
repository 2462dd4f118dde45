"""Decoded boxes in a table, as most networks of the YOLO family return them.

Rows with objectness, (n, rows, 5 + classes): YOLOv5, YOLOv6 and YOLOv7. Columns without it,
(n, 4 + classes, rows): YOLOv8, v9, v11 and v12. First come centre and size of a box in pixels, and
last a probability for each class.
"""

from __future__ import annotations

import numpy as np

from detector.export.adapters.decoding import (
    FROM_CENTRES,
    WITH_OBJECTNESS,
    Decoding,
    row_table,
)
from detector.export.adapters.foreign import ForeignGraph
from detector.export.adapters.refusal import refuse_keypoints

ROWS = "    cxcywh = Slice(rows, at_0, at_4, last)" + FROM_CENTRES + WITH_OBJECTNESS
COLUMNS = (
    """
    rows = Transpose<perm = [0, 2, 1]>(columns)
    cxcywh = Slice(rows, at_0, at_4, last)
    every_score = Slice(rows, at_4, end, last)
"""
    + FROM_CENTRES
)


def recognise_rows(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode the rows of a graph, None if it has none."""
    return _decoding(graph, "rows", ROWS, before_classes=5)


def recognise_columns(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode the columns of a graph, None if it has none."""
    return _decoding(graph, "columns", COLUMNS, before_classes=4)


def _decoding(graph: ForeignGraph, name: str, body: str, before_classes: int) -> Decoding | None:
    found = row_table(graph, rows_first=name == "rows", before_classes=before_classes)
    if found is None:
        return None
    classes = found.columns - before_classes
    refuse_keypoints(graph, classes)
    return Decoding(
        body=body,
        reads={name: found.value},
        rows=found.rows,
        classes=classes,
        constants={"end": np.array([found.columns])},
        strides=found.grid.strides,
    )
