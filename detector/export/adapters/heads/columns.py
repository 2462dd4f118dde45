"""Decoded columns without objectness, (n, 4 + classes, rows), as YOLOv8, v9, v11 and v12 return.

A column is centre and size of a box in pixels, and a probability for each class.
"""

from __future__ import annotations

import numpy as np

from detector.export.adapters.decoding import FROM_CENTRES, Decoding, row_table
from detector.export.adapters.foreign import ForeignGraph
from detector.export.adapters.refusal import refuse_keypoints

BODY = (
    """
    rows = Transpose<perm = [0, 2, 1]>(columns)
    cxcywh = Slice(rows, at_0, at_4, last)
    every_score = Slice(rows, at_4, end, last)
"""
    + FROM_CENTRES
)


def recognise(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode the columns of a graph, None if it has none."""
    found = row_table(graph, rows_first=False, before_classes=4)
    if found is None:
        return None
    classes = found.columns - 4
    refuse_keypoints(graph, classes)
    return Decoding(
        body=BODY,
        reads={"columns": found.value},
        rows=found.rows,
        classes=classes,
        constants={"end": np.array([found.columns])},
        strides=found.grid.strides,
    )
