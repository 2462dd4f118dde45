"""The detection loss: box, objectness and class, over the cells that were assigned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from trainer.data.samples import IGNORED
from trainer.loss.assignment import Cells, candidate_cells, simota
from trainer.loss.ignore_regions import outside

BALANCE = {
    3: (4.0, 1.0, 0.4),
    4: (4.0, 1.0, 0.25, 0.06),
}  # objectness weight per head, fine to coarse
TOP, TOP_WITH_AUXILIARY = 10, 20  # best IoUs whose sum says how many cells an object gets
AUXILIARY_WEIGHT = 0.25  # of what auxiliary heads cost, against lead heads
FINE, COARSE = 0.5, 1.0  # cells around a centre that answer too

Auxiliary = Literal["coarse_to_fine", "lead_guided", "independent", "none"]


@dataclass(frozen=True, slots=True)
class Gains:
    """How much each part of the loss weighs, before scaling to a network."""

    box: float = 0.05
    objectness: float = 1.0
    classification: float = 0.5

    def scaled(self, layers: int, classes: int, size: tuple[int, int]) -> Gains:
        """Return the gains for a number of heads and classes and a size (height, width) in pixels.

        The published values hold for three heads, 80 classes and 640 x 640.
        """
        per_layer = 3 / layers
        return Gains(
            box=self.box * per_layer,
            objectness=self.objectness * size[0] * size[1] / 640**2 * per_layer,
            classification=self.classification * classes / 80 * per_layer,
        )


class DetectionLoss:
    """What the heads' answer costs, given the ground truth."""

    def __init__(
        self,
        anchors: Tensor,
        strides: Tensor,
        gains: Gains,
        assignment: Literal["ota", "anchors"] = "ota",
        anchor_ratio: float = 4.0,
        *,
        auxiliary: Auxiliary = "coarse_to_fine",
        constraint: bool = True,
        label_smoothing: float = 0.0,
    ) -> None:
        """Take anchors (layers, a, 2) in pixels, finest first, and strides (layers,) in pixels.

        assignment: `anchors` takes every cell that fits by shape and place, `ota` only those that
        the network itself answers best (YOLOv7, 4.2)
        auxiliary: what auxiliary heads learn (YOLOv7, 4.2 and table 6): `lead_guided` the cells
        that the lead heads chose; `coarse_to_fine` as the lead heads judge, but from more cells
        around each centre; `independent` the cells that they chose themselves; `none` nothing
        constraint: auxiliary heads decode no further than lead heads, so that a cell far from the
        centre can never be quite as sure as one at the centre (4.2 and table 7)
        label_smoothing: 0..1, how much of a class's certainty is spread over all
        """
        self.anchors = anchors.float()
        self.strides = strides.to(self.anchors)
        self.gains = gains
        self.assignment = assignment
        self.anchor_ratio = anchor_ratio
        self.auxiliary = auxiliary
        self.auxiliary_reach = FINE if constraint else COARSE
        self.label_smoothing = label_smoothing

    def __call__(self, heads: Sequence[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss to descend, (), and its parts (box, objectness, class, sum), detached.

        heads: per layer (n, a, h, w, 5 + c), raw, the lead heads, then auxiliary ones if there are
        any; targets: (m, 6) float32: image, class or IGNORED, cx, cy, w, h in parts of the
        image. The loss is the sum of the parts times the batch size.
        """
        heads = [head.float() for head in heads]
        is_region = targets[:, 1] == IGNORED
        targets, regions = targets[~is_region], targets[is_region]
        cells, auxiliary_cells = self.assign(heads, targets)
        layers = len(self.strides)
        parts = self._parts(heads[:layers], cells, targets, regions, FINE)
        if auxiliary_cells is not None:
            reach = self.auxiliary_reach
            more = self._parts(heads[layers:], auxiliary_cells, targets, regions, reach)
            parts = parts + AUXILIARY_WEIGHT * more
        total = parts.sum()
        return total * len(heads[0]), torch.cat([parts.detach(), total.detach()[None]])

    def assign(self, heads: Sequence[Tensor], targets: Tensor) -> tuple[Cells, Cells | None]:
        """Return the cells of lead and of auxiliary heads that must answer; None: these learn not.

        heads, targets: as the loss takes them, float32
        """
        layers = len(self.strides)
        lead, auxiliary = heads[:layers], heads[layers:]
        top = TOP_WITH_AUXILIARY if auxiliary else TOP
        cells = self._assign(lead, targets, FINE, top)
        if not auxiliary or self.auxiliary == "none":
            return cells, None
        return cells, self._assign_auxiliary(lead, auxiliary, cells, targets)

    def _parts(
        self,
        heads: Sequence[Tensor],
        cells: Cells,
        targets: Tensor,
        regions: Tensor,
        reach: float,
    ) -> Tensor:
        """Return what box, objectness and class cost, with their gains: (3,)."""
        rows = cells.rows_of(heads)
        boxes = self._boxes(cells, rows, reach)
        iou = complete_iou(boxes, targets[cells.target, 2:6] * self._size_in_pixels(heads))
        box = _sum_of_layer_means(1 - iou, cells.layer, len(heads))
        objectness = self._objectness_loss(heads, cells, iou.detach(), regions)
        classification = self._class_loss(rows[:, 5:], targets[cells.target, 1].long(), cells.layer)
        return torch.stack(
            [
                box * self.gains.box,
                objectness * self.gains.objectness,
                classification * self.gains.classification,
            ]
        )

    def _assign_auxiliary(
        self,
        lead: Sequence[Tensor],
        auxiliary: Sequence[Tensor],
        lead_cells: Cells,
        targets: Tensor,
    ) -> Cells:
        """Return the cells of the auxiliary heads that must answer."""
        if self.auxiliary == "lead_guided":
            return lead_cells
        if self.auxiliary == "independent":
            return self._assign(auxiliary, targets, FINE, TOP_WITH_AUXILIARY)
        return self._assign(lead, targets, COARSE, TOP_WITH_AUXILIARY)

    def _assign(self, heads: Sequence[Tensor], targets: Tensor, around: float, top: int) -> Cells:
        """Return the cells that must answer, each with the ground truth that it answers for."""
        grids = [(head.shape[2], head.shape[3]) for head in heads]
        cells = candidate_cells(
            targets,
            grids=grids,
            anchors=self.anchors,
            strides=self.strides,
            ratio=self.anchor_ratio,
            reach=around,
        )
        if self.assignment == "anchors":
            return cells
        rows = cells.rows_of([head.detach() for head in heads])
        pixels = targets[:, 2:6] * self._size_in_pixels(heads)
        return simota(cells, rows, self._boxes(cells, rows, FINE), targets, pixels, top)

    def _boxes(self, cells: Cells, rows: Tensor, reach: float) -> Tensor:
        """Decode raw rows (n, 5 + c) to centre and size in pixels: (n, 4).

        reach: how far from its own cell a centre may lie, in cells
        """
        squashed = rows[:, :4].sigmoid()
        place = torch.stack([cells.column, cells.row], 1)
        inside = squashed[:, :2] * (1 + 2 * reach) - reach
        centre = (inside + place) * self.strides[cells.layer, None]
        shape = (squashed[:, 2:] * 2) ** 2 * self.anchors[cells.layer, cells.anchor]
        return torch.cat([centre, shape], 1)

    def _size_in_pixels(self, heads: Sequence[Tensor]) -> Tensor:
        """Return width, height, width, height of the images in pixels: (4,)."""
        height, width = heads[0].shape[2:4]
        return self.strides[0] * self.strides.new_tensor([width, height, width, height])

    def _objectness_loss(
        self, heads: Sequence[Tensor], cells: Cells, iou: Tensor, regions: Tensor
    ) -> Tensor:
        """A matched cell should be as sure as its box is good, every other cell not at all.

        Of the others, those in a region to ignore may be as sure as they like.
        """
        total = iou.new_zeros(())
        for layer, (head, weight) in enumerate(zip(heads, BALANCE[len(heads)], strict=True)):
            mine = cells.layer == layer
            here, quality = cells[mine], iou[mine].clamp(min=0)
            wanted = torch.zeros_like(head[..., 4])
            wanted[here.image, here.anchor, here.row, here.column] = quality
            counts = _counts(head, here, regions) if len(regions) else None
            loss = functional.binary_cross_entropy_with_logits(head[..., 4], wanted, counts)
            total = total + weight * loss
        return total

    def _class_loss(self, logits: Tensor, classes: Tensor, layer: Tensor) -> Tensor:
        """Cross-entropy of each class against the one that is there; with one class, nothing."""
        if logits.shape[1] == 1:
            return logits.new_zeros(())
        wanted = functional.one_hot(classes, logits.shape[1]).to(logits)
        wanted = wanted * (1 - self.label_smoothing) + self.label_smoothing / 2
        loss = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        return _sum_of_layer_means(loss.mean(1), layer, len(self.strides))


def _counts(head: Tensor, matched: Cells, regions: Tensor) -> Tensor:
    """Return 1 for each answer of (n, a, h, w, 5 + c) that is to be judged, else 0: (n, a, h, w).

    matched: cells of this head, which are judged wherever they lie
    """
    images, anchors, height, width, _ = head.shape
    counts = outside(regions, (images, height, width)).to(head)[:, None].repeat(1, anchors, 1, 1)
    counts[matched.image, matched.anchor, matched.row, matched.column] = 1
    return counts


def _sum_of_layer_means(values: Tensor, layer: Tensor, layers: int) -> Tensor:
    """Average the values of each layer, then add the layers up; an empty layer counts nothing."""
    sums = values.new_zeros(layers).index_add(0, layer, values)
    return (sums / layer.bincount(minlength=layers).clamp(min=1)).sum()


def complete_iou(one_xywh: Tensor, other_xywh: Tensor, eps: float = 1e-7) -> Tensor:
    """Return the complete IoU of boxes taken in pairs: (n, 4) centre and size, twice, to (n,).

    The IoU, less the squared distance of the centres over that of the enclosing box's corners, less
    a term for the aspect ratio (Zheng et al., Distance-IoU Loss, AAAI 2020, section 3.3).
    """
    centre, size = one_xywh[:, :2], one_xywh[:, 2:]
    other_centre, other_size = other_xywh[:, :2], other_xywh[:, 2:]
    low, high = centre - size / 2, centre + size / 2
    other_low, other_high = other_centre - other_size / 2, other_centre + other_size / 2

    shared = (torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp(min=0).prod(1)
    iou = shared / (size.prod(1) + other_size.prod(1) - shared + eps)

    enclosing = torch.maximum(high, other_high) - torch.minimum(low, other_low)
    distance = (centre - other_centre).square().sum(1) / (enclosing.square().sum(1) + eps)

    slope = torch.atan(size[:, 0] / (size[:, 1] + eps))
    other_slope = torch.atan(other_size[:, 0] / (other_size[:, 1] + eps))
    aspect = 4 / math.pi**2 * (other_slope - slope).square()
    with torch.no_grad():
        weight = aspect / (aspect - iou + (1 + eps))
    return iou - distance - weight * aspect
