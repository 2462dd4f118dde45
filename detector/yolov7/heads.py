"""The heads of YOLOv7: the output of the last layer for each cell, and its decoding to pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn


class Implicit(nn.Module):
    """Implicit knowledge (YOLOR): one learned number per channel, before or after a layer."""

    def __init__(self, channels: int, mean: float) -> None:
        super().__init__()
        self.implicit = nn.Parameter(torch.empty(1, channels, 1, 1).normal_(mean, 0.02))


class Cells(NamedTuple):
    """The cells of decoded rows, ordered by layer, anchor, y, x.

    corners: (rows, 2) x, y in cells; anchors: (rows, 2) w, h in pixels
    strides: (rows, 1) pixels per cell
    """

    corners: Tensor
    anchors: Tensor
    strides: Tensor


class Detect(nn.Module):
    """The head: one 1x1 convolution per stride, and the decoding of its output.

    Per anchor there are 5 + c numbers: x, y, w, h, objectness, class scores, all before sigmoid.
    """

    anchors: Tensor  # (layers, anchors, 2), in cells of the layer's grid
    anchor_grid: Tensor  # (layers, 1, anchors, 1, 1, 2), in pixels

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        anchors: Sequence[Sequence[Sequence[float]]],
        strides: Sequence[int],
    ) -> None:
        super().__init__()
        pixels = torch.tensor(anchors, dtype=torch.float32)
        layers, self.per_cell, _ = pixels.shape
        self.classes, self.anchors_pixels, self.strides = classes, anchors, tuple(strides)
        self.register_buffer("anchors", pixels / torch.tensor(strides).view(-1, 1, 1))
        self.register_buffer("anchor_grid", pixels.view(layers, 1, self.per_cell, 1, 1, 2))
        self.m = self._convolutions(channels)

    def _convolutions(self, channels: Sequence[int]) -> nn.ModuleList:
        """Start with the probability of 8 objects in a 640 x 640 image (focal loss paper, 3.3)."""
        numbers = 5 + self.classes
        convs = [nn.Conv2d(c, self.per_cell * numbers, kernel_size=1) for c in channels]
        for conv, stride in zip(convs, self.strides, strict=True):
            bias = cast(Tensor, conv.bias).detach().view(self.per_cell, numbers)
            bias[:, 4] = math.log(8 / (640 / stride) ** 2)
            bias[:, 5:] = math.log(0.6 / (self.classes - 0.99))
        return nn.ModuleList(convs)

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        """Return (n, anchors, h, w, 5 + c) per input."""
        return [self._per_anchor(self.predict(i, x)) for i, x in enumerate(inputs)]

    def predict(self, layer: int, x: Tensor) -> Tensor:
        """Return (n, anchors * (5 + c), h, w) for the features of one input."""
        return cast(Tensor, self.m[layer](x))

    def _per_anchor(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        per_anchor = x.view(-1, self.per_cell, 5 + self.classes, h, w)
        return per_anchor.permute(0, 1, 3, 4, 2).contiguous()

    def decode(self, heads: Sequence[Tensor]) -> Tensor:
        """Return (n, rows, 5 + c): cx, cy, w, h in pixels of the input, then probabilities."""
        rows = torch.cat([head.flatten(1, 3) for head in heads], dim=1)
        cells = self.cells([(head.shape[2], head.shape[3]) for head in heads])
        return torch.cat((decode_boxes(rows[..., :4], cells), rows[..., 4:].sigmoid()), dim=-1)

    def cells(self, shapes: Sequence[tuple[int, int]]) -> Cells:
        """Return the cells of the decoded rows, for grids of (h, w) per stride."""
        layers = [self._layer_cells(i, h, w) for i, (h, w) in enumerate(shapes)]
        return Cells(*(torch.cat(parts) for parts in zip(*layers, strict=True)))

    def _layer_cells(self, layer: int, h: int, w: int) -> Cells:
        like = self.anchor_grid
        y, x = torch.meshgrid(torch.arange(h).to(like), torch.arange(w).to(like), indexing="ij")
        corners = torch.stack((x, y), dim=-1).view(-1, 2).repeat(self.per_cell, 1)
        anchors = like[layer].view(-1, 2).repeat_interleave(h * w, dim=0)
        return Cells(corners, anchors, torch.full_like(corners[:, :1], self.strides[layer]))


def decode_boxes(raw: Tensor, cells: Cells) -> Tensor:
    """Return (..., rows, 4) cx, cy, w, h in pixels from the head's output for those cells."""
    s = raw.sigmoid()
    centre = (s[..., :2] * 2 - 0.5 + cells.corners) * cells.strides
    return torch.cat((centre, (s[..., 2:] * 2) ** 2 * cells.anchors), dim=-1)


class IDetect(Detect):
    """The head in training: with implicit knowledge around each convolution."""

    def __init__(self, channels: Sequence[int], *head: Any) -> None:
        super().__init__(channels, *head)
        outputs = [cast(nn.Conv2d, conv).out_channels for conv in self.m]
        self.ia = nn.ModuleList(Implicit(c, mean=0) for c in channels)
        self.im = nn.ModuleList(Implicit(c, mean=1) for c in outputs)

    def predict(self, layer: int, x: Tensor) -> Tensor:
        added, factor = self._implicit(layer)
        return super().predict(layer, x + added) * factor

    def _implicit(self, layer: int) -> tuple[Tensor, Tensor]:
        return cast(Tensor, self.ia[layer].implicit), cast(Tensor, self.im[layer].implicit)

    def fuse(self) -> Detect:
        """Return the plain head with the same output."""
        channels = [cast(nn.Conv2d, conv).in_channels for conv in self.m]
        plain = Detect(channels, self.classes, self.anchors_pixels, self.strides)
        plain.anchors, plain.anchor_grid = (
            self.anchors,
            self.anchor_grid,
        )  # may be fitted to a data set
        for i, (conv, fused) in enumerate(zip(self.m, plain.m, strict=True)):
            weight, bias = cast(Tensor, conv.weight), cast(Tensor, conv.bias)
            added, factor = self._implicit(i)
            shifted = nn.functional.conv2d(added, weight, bias) * factor
            fused.weight = nn.Parameter(weight * factor.view(-1, 1, 1, 1))
            fused.bias = nn.Parameter(shifted.flatten())
        return plain.to(self.anchors)


class IAuxDetect(IDetect):
    """The head with auxiliary heads beside it, for training (YOLOv7, 4.2).

    Lead inputs come first, then as many auxiliary ones; in inference there are only lead inputs.
    Only lead heads have implicit knowledge.
    """

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        anchors: Sequence[Sequence[Sequence[float]]],
        strides: Sequence[int],
    ) -> None:
        lead = len(strides)
        super().__init__(channels[:lead], classes, anchors, strides)
        self.m2 = self._convolutions(channels[lead:])

    def predict(self, layer: int, x: Tensor) -> Tensor:
        lead = len(self.strides)
        return super().predict(layer, x) if layer < lead else cast(Tensor, self.m2[layer - lead](x))
