"""Decoded rows with objectness, (n, rows, 5 + classes), as YOLOv5, YOLOv6 and YOLOv7 return them.

A row is centre and size of a box in pixels, its objectness, and a probability for each class.
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

BODY = "    cxcywh = Slice(rows, at_0, at_4, last)" + FROM_CENTRES + WITH_OBJECTNESS


def recognise(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode the rows of a graph, None if it has none."""
    found = row_table(graph, rows_first=True, before_classes=5)
    if found is None:
        return None
    classes = found.columns - 5
    refuse_keypoints(graph, classes)
    return Decoding(
        body=BODY,
        reads={"rows": found.value},
        rows=found.rows,
        classes=classes,
        constants={"end": np.array([found.columns])},
        strides=found.grid.strides,
    )
