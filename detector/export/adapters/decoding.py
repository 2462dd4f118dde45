"""How the outputs of a graph become boxes and scores: ONNX text, and the numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.export.adapters.foreign import ForeignGraph, Value
from detector.export.adapters.grid import Grid, grid_of

FROM_CENTRES = """
    centre = Slice(cxcywh, at_0, at_2, last)
    extent = Slice(cxcywh, at_2, at_4, last)
    half = Div(extent, two)
    lower = Sub(centre, half)
    upper = Add(centre, half)
    every_box = Concat<axis = 2>(lower, upper)
"""
WITH_OBJECTNESS = """
    objectness = Slice(rows, at_4, at_5, last)
    probability = Slice(rows, at_5, end, last)
    every_score = Mul(objectness, probability)
"""
ONE_CLASS = """
    is_class = Equal(class, class_numbers)
    one_hot = Cast<to = 1>(is_class)
    every_score = Mul(score, one_hot)
"""
NO_OVERLAP = 1.0  # nms_iou of networks that return each object once


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the outputs of a graph become boxes and scores.

    body: ONNX text that computes `every_box`, (n, rows, 4) xyxy in pixels of the images, and
        `every_score`, (n, rows, classes), from the names in `reads`
    reads: name in the body -> output of the graph; the body gets it as float32
    rows: candidates per image; classes: their number
    constants: name in the body -> value
    strides: pixels per cell of each grid
    nms_iou: overlap above which two boxes are one object
    """

    body: str
    reads: Mapping[str, Value]
    rows: int
    classes: int
    constants: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    strides: tuple[int, ...] = (32,)
    nms_iou: float = 0.45

    @property
    def counts_images(self) -> bool:
        """Whether the body reads `foreign_image_count`, int64 (1,)."""
        return "foreign_image_count" in self.body


class RowTable(NamedTuple):
    """An output with a row for each cell of a grid."""

    value: Value
    grid: Grid
    rows: int
    columns: int


def row_table(graph: ForeignGraph, *, rows_first: bool, before_classes: int) -> RowTable | None:
    """Return the only output (n, rows, columns), or (n, columns, rows), whose rows fill a grid.

    before_classes: columns before those of classes
    """
    tables = [value for value in graph.outputs if value.is_float and len(value.shape) == 3]
    if len(tables) != 1:
        return None
    first, second = tables[0].shape[1:]
    rows, columns = (first, second) if rows_first else (second, first)
    grid = grid_of(rows, graph.size)
    if grid is None or rows is None or columns is None or columns <= before_classes:
        return None
    if grid_of(columns, graph.size) and len(graph.names or ()) != columns - before_classes:
        return None  # the other axis fills a grid, too, and the names do not speak for this one
    return RowTable(tables[0], grid, rows, columns)


def class_numbers(classes: int) -> dict[str, NDArray[Any]]:
    """Return the constant that `ONE_CLASS` reads."""
    return {"class_numbers": np.arange(classes, dtype=np.float32).reshape(1, 1, classes)}
