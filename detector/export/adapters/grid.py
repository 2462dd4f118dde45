"""The grids of cells that the rows of a network belong to."""

from __future__ import annotations

from typing import NamedTuple

STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32), (8, 16))
PER_CELL = (1, 3)  # predictions: without anchors, and with those of YOLO


class Grid(NamedTuple):
    """Pixels per cell of each grid, and predictions per cell."""

    strides: tuple[int, ...]
    per_cell: int


def grid_of(rows: int | None, size: tuple[int, int]) -> Grid | None:
    """Return the grid that has this many rows for images of (height, width), None if none has."""
    height, width = size
    for strides in STRIDES:
        if height % strides[-1] or width % strides[-1]:
            continue
        cells = sum((height // stride) * (width // stride) for stride in strides)
        if rows and rows % cells == 0 and rows // cells in PER_CELL:
            return Grid(strides, rows // cells)
    return None
