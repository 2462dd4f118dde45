"""Regions to ignore: what a network answers there is neither right nor wrong."""

from __future__ import annotations

import torch
from torch import Tensor


def outside(regions: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Say which cells of a head of (n, h, w) lie outside of all regions: (n, h, w) bool.

    A cell that a region only touches is not outside: the middle of an object in there may lie in
    it, and it would be for this cell to find it. A sliver at the border has no centre of a cell.

    regions: (k, 6) float32: image, any number, cx, cy, w, h in parts of the image
    """
    _, height, width = shape
    down = _touched(regions[:, 3], regions[:, 5], height)
    across = _touched(regions[:, 2], regions[:, 4], width)
    touched = (down[:, :, None] & across[:, None]).to(regions)  # (k, h, w)
    count = regions.new_zeros(shape).index_add(0, regions[:, 0].long(), touched)
    return count == 0


def _touched(centre: Tensor, length: Tensor, cells: int) -> Tensor:
    """Say which of so many cells in a row each (k,) stretch touches: (k, cells) bool."""
    start = torch.arange(cells, device=centre.device) / cells
    low, high = (centre - length / 2)[:, None], (centre + length / 2)[:, None]
    return (start < high) & (start + 1 / cells > low)
