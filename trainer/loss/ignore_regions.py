"""Regions to ignore: predictions there do not count in the loss."""

from __future__ import annotations

import torch
from torch import Tensor


def outside(regions: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Return which cells of an (n, h, w) head lie outside all regions: (n, h, w) bool.

    A cell that a region touches is not outside, because the centre of an object in the region may
    lie in that cell. A narrow region at the border contains no cell's centre.

    regions: (k, 6) float32: image, any number, cx, cy, w, h as fractions of the image
    """
    _, height, width = shape
    down = _touched(regions[:, 3], regions[:, 5], height)
    across = _touched(regions[:, 2], regions[:, 4], width)
    touched = (down[:, :, None] & across[:, None]).to(regions)  # (k, h, w)
    count = regions.new_zeros(shape).index_add(0, regions[:, 0].long(), touched)
    return count == 0


def _touched(centre: Tensor, length: Tensor, cells: int) -> Tensor:
    """Return which of `cells` equal parts of 0..1 each (k,) interval touches: (k, cells) bool."""
    start = torch.arange(cells, device=centre.device) / cells
    low, high = (centre - length / 2)[:, None], (centre + length / 2)[:, None]
    return (start < high) & (start + 1 / cells > low)
