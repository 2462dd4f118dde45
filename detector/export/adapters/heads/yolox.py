"""YOLOX: rows with objectness without anchors, (n, rows, 5 + classes), usually not yet decoded.

The exporter leaves the box of a row as offset in its cell and logarithm of its size in cells. With
its option `decode_in_inference` boxes are decoded in the graph, which then has an exponential
function after its last layers; no other network with one row per cell has that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.export.adapters.decoding import (
    FROM_CENTRES,
    WITH_OBJECTNESS,
    Decoding,
    row_table,
)
from detector.export.adapters.foreign import ForeignGraph
from detector.export.adapters.grid import Grid
from detector.export.adapters.heads.decoded import recognise_rows
from detector.export.adapters.tracing import nodes_behind

ARITHMETIC = {"Add", "Div", "Exp", "MatMul", "Mul", "Pow", "Sub"}
IN_CELLS = (
    """
    offset = Slice(rows, at_0, at_2, last)
    logarithm = Slice(rows, at_2, at_4, last)
    in_cells = Add(offset, corners)
    size_in_cells = Exp(logarithm)
    from_cells = Concat<axis = 2>(in_cells, size_in_cells)
    cxcywh = Mul(from_cells, cell_sizes)
"""
    + FROM_CENTRES
    + WITH_OBJECTNESS
)


def recognise(graph: ForeignGraph) -> Decoding | None:
    """Return how to decode the rows of a graph, None if they are not those of YOLOX."""
    found = row_table(graph, rows_first=True, before_classes=5)
    if found is None or found.grid.per_cell != 1:
        return None
    operations = {node.op_type for node in nodes_behind(graph.model, found.value.name)}
    if "Exp" in operations:
        return recognise_rows(graph)
    if operations & ARITHMETIC:
        return None
    return Decoding(
        body=IN_CELLS,
        reads={"rows": found.value},
        rows=found.rows,
        classes=found.columns - 5,
        constants={"end": np.array([found.columns]), **_cells(found.grid, graph.size)},
        strides=found.grid.strides,
    )


def _cells(grid: Grid, size: tuple[int, int]) -> dict[str, NDArray[Any]]:
    """Return for each row its cell: the corner (x, y) in cells, and the side in pixels."""
    corners, sides = [], []
    for stride in grid.strides:
        y, x = np.mgrid[: size[0] // stride, : size[1] // stride].reshape(2, -1)
        corners.append(np.stack([x, y], axis=1))
        sides.append(np.full((len(x), 1), stride))
    return {
        "corners": np.concatenate(corners).astype(np.float32)[None],
        "cell_sizes": np.concatenate(sides).astype(np.float32)[None],
    }
