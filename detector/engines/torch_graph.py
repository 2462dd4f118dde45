"""The model contract in torch, for networks that torch runs: bytes in, the best boxes out.

A row is the output for one anchor in one cell: 4 numbers for the box, the objectness, and a number
for each class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from detector.yolov7.heads import Cells, Detect, decode_boxes
from detector.yolov7.network import Network


class RowLogits(NamedTuple):
    """The rows of n images, before sigmoid: (n, rows, 4), (n, rows, 1) and (n, rows, c)."""

    boxes: Tensor
    objectness: Tensor
    classes: Tensor


class Logits(nn.Module):
    """A deployed network up to its logits, in rows ordered by stride, y, x, anchor.

    Boxes, objectness and classes each have a convolution with their part of the head's weights, and
    rows are in the memory order of channels-last tensors. So nothing has to be transposed or
    sliced: with 80 classes that took a tenth of the network's time.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        head = network.head
        box, objectness, classes = slice(0, 4), slice(4, 5), slice(5, 5 + head.classes)
        self.parts = nn.ModuleList(_part_of(head, part) for part in (box, objectness, classes))

    def forward(self, pixels: Tensor) -> RowLogits:
        """Return the rows for (n, 3, h, w) pixels, 0..1."""
        features = self.network.features(pixels)
        per_cell = self.network.head.per_cell
        parts = [_in_rows(cast(nn.ModuleList, part), features, per_cell) for part in self.parts]
        return RowLogits(*parts)


class ContractGraph(nn.Module):
    """A deployed network with the inputs and outputs of the contract (docs/architecture.md).

    It computes what the exported graph computes (detector/export/network_graph.py), in the same
    order.
    """

    cell_corners: Tensor
    cell_anchors: Tensor
    cell_strides: Tensor

    def __init__(self, network: Network, size: tuple[int, int], top_k: int) -> None:
        super().__init__()
        self.logits = Logits(network)
        grids = [(size[0] // stride, size[1] // stride) for stride in network.strides]
        per_cell = network.head.per_cell
        counts = [per_cell * h * w for h, w in grids]
        for name, by_anchor in network.head.cells(grids)._asdict().items():
            parts = [
                part.unflatten(0, (per_cell, -1)).transpose(0, 1).flatten(0, 1)
                for part in by_anchor.split(counts)
            ]
            self.register_buffer(f"cell_{name}", torch.cat(parts))
        self.top_k = min(top_k, sum(counts))

    @property
    def network(self) -> Network:
        """The network inside."""
        return self.logits.network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes (n, k, 4) xyxy and scores (n, k, c) for (n, h, w, 3) bytes."""
        boxes, objectness, classes = self.logits((images.float() / 255).permute(0, 3, 1, 2))
        # Sigmoid keeps the order, so only the best class of a row needs it to rank the rows
        rank = objectness[..., 0].sigmoid() * classes.amax(dim=2).sigmoid()
        best = rank.topk(self.top_k, dim=1).indices
        cells = Cells(self.cell_corners[best], self.cell_anchors[best], self.cell_strides[best])
        scores = _picked(objectness, best).sigmoid() * _picked(classes, best).sigmoid()
        return _xyxy(decode_boxes(_picked(boxes, best), cells)), scores


def _picked(values: Tensor, rows: Tensor) -> Tensor:
    """Return (n, k, columns): the rows (n, k) of `values` (n, rows, columns)."""
    return values.gather(1, rows[..., None].expand(-1, -1, values.shape[2]))


def _part_of(head: Detect, columns: slice) -> nn.ModuleList:
    """Return the head's convolutions with only these columns of each row."""
    parts = nn.ModuleList()
    for layer in head.m:
        conv = cast(nn.Conv2d, layer)
        outputs = torch.arange(conv.out_channels).view(head.per_cell, -1)[:, columns].flatten()
        part = nn.Conv2d(conv.in_channels, len(outputs), kernel_size=1)
        part.weight = nn.Parameter(conv.weight[outputs], requires_grad=False)
        part.bias = nn.Parameter(cast(Tensor, conv.bias)[outputs], requires_grad=False)
        parts.append(part)
    return parts


def _in_rows(convs: nn.ModuleList, features: Sequence[Tensor], per_cell: int) -> Tensor:
    """Return (n, rows, columns) for the features of all strides."""
    by_stride = []
    for conv, x in zip(convs, features, strict=True):
        columns = cast(nn.Conv2d, conv).out_channels // per_cell
        count = per_cell * x.shape[2] * x.shape[3]
        by_stride.append(conv(x).permute(0, 2, 3, 1).reshape(-1, count, columns))
    return torch.cat(by_stride, dim=1)


def _xyxy(boxes: Tensor) -> Tensor:
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat((centre - half, centre + half), dim=-1)
