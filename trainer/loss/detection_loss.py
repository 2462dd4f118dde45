"""The detection loss: box, objectness and class terms over the assigned cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from trainer.data.samples import IGNORED
from trainer.loss.assignment import Cells, candidate_cells, last_claims, simota
from trainer.loss.ignore_regions import outside

BALANCE = {
    3: (4.0, 1.0, 0.4),
    4: (4.0, 1.0, 0.25, 0.06),
}  # objectness weight per head, fine to coarse
TOP, TOP_WITH_AUXILIARY = 10, 20  # highest IoUs, whose sum is the number of cells per object
AUXILIARY_WEIGHT = 0.25  # of the loss of auxiliary heads
FINE, COARSE = 0.5, 1.0  # cells; neighbours within this distance of a centre are assigned, too

Auxiliary = Literal["coarse_to_fine", "lead_guided", "independent", "none"]


@dataclass(frozen=True, slots=True)
class Gains:
    """Weights of the loss terms, before scaling to a network."""

    box: float = 0.05
    objectness: float = 1.0
    classification: float = 0.5

    def scaled(self, layers: int, classes: int, size: tuple[int, int]) -> Gains:
        """Return the gains for a number of heads and classes and a size (height, width) in pixels.

        The published values apply to three heads, 80 classes and 640 x 640.
        """
        per_layer = 3 / layers
        return Gains(
            box=self.box * per_layer,
            objectness=self.objectness * size[0] * size[1] / 640**2 * per_layer,
            classification=self.classification * classes / 80 * per_layer,
        )


class DetectionLoss:
    """The loss of the heads' predictions against the ground truth."""

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

        assignment: `anchors` assigns all cells that fit by shape and position, `ota` only those
        with the best predictions (YOLOv7, 4.2)
        auxiliary: cells assigned to the auxiliary heads (YOLOv7, 4.2 and table 6): `lead_guided`
        those of the lead heads; `coarse_to_fine` by the lead heads' predictions, from more cells
        around each centre; `independent` by their own predictions; `none` no cells
        constraint: limit the box offset of auxiliary heads to that of lead heads, so that a cell
        far from the centre cannot reach full objectness (4.2 and table 7)
        label_smoothing: 0..1, the part of a class's target that is spread over all classes
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
        """Return the loss, (), and its terms (box, objectness, class, sum), (4,), detached.

        heads: per layer (n, a, h, w, 5 + c), raw; lead heads first, then any auxiliary heads
        targets: (m, 6) float32: image, class or IGNORED, cx, cy, w, h as fractions of the image
        The loss is the sum of the terms times the batch size.
        """
        heads = [head.float() for head in heads]
        is_region = targets[:, 1] == IGNORED
        targets, regions = targets[~is_region], targets[is_region]
        cells, auxiliary_cells = self.assign(heads, targets)
        layers = len(self.strides)
        parts = self._terms(heads[:layers], cells, targets, regions, FINE)
        if auxiliary_cells is not None:
            reach = self.auxiliary_reach
            more = self._terms(heads[layers:], auxiliary_cells, targets, regions, reach)
            parts = parts + AUXILIARY_WEIGHT * more
        total = parts.sum()
        return total * len(heads[0]), torch.cat([parts.detach(), total.detach()[None]])

    def assign(self, heads: Sequence[Tensor], targets: Tensor) -> tuple[Cells, Cells | None]:
        """Return cells assigned to lead and auxiliary heads; None if the auxiliary learn nothing.

        heads, targets: as for the loss, float32
        """
        layers = len(self.strides)
        lead, auxiliary = heads[:layers], heads[layers:]
        top = TOP_WITH_AUXILIARY if auxiliary else TOP
        cells = self._assign(lead, targets, FINE, top)
        if not auxiliary or self.auxiliary == "none":
            return cells, None
        return cells, self._assign_auxiliary(lead, auxiliary, cells, targets)

    def _terms(
        self,
        heads: Sequence[Tensor],
        cells: Cells,
        targets: Tensor,
        regions: Tensor,
        reach: float,
    ) -> Tensor:
        """Return the box, objectness and class terms, scaled by their gains: (3,)."""
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
        """Return the cells assigned to the auxiliary heads."""
        if self.auxiliary == "lead_guided":
            return lead_cells
        if self.auxiliary == "independent":
            return self._assign(auxiliary, targets, FINE, TOP_WITH_AUXILIARY)
        return self._assign(lead, targets, COARSE, TOP_WITH_AUXILIARY)

    def _assign(self, heads: Sequence[Tensor], targets: Tensor, reach: float, top: int) -> Cells:
        """Return the assigned cells, each with its ground truth."""
        grids = [(head.shape[2], head.shape[3]) for head in heads]
        cells = candidate_cells(
            targets,
            grids=grids,
            anchors=self.anchors,
            strides=self.strides,
            ratio=self.anchor_ratio,
            reach=reach,
        )
        if self.assignment == "anchors":
            return cells
        rows = cells.rows_of([head.detach() for head in heads])
        pixels = targets[:, 2:6] * self._size_in_pixels(heads)
        return simota(cells, rows, self._boxes(cells, rows, FINE), targets, pixels, top)

    def _boxes(self, cells: Cells, rows: Tensor, reach: float) -> Tensor:
        """Decode raw rows (n, 5 + c) to centre and size in pixels: (n, 4).

        reach: maximum distance of a centre from its cell, in cells
        """
        squashed = rows[:, :4].sigmoid()
        corner = torch.stack([cells.column, cells.row], 1)
        inside = squashed[:, :2] * (1 + 2 * reach) - reach
        centre = (inside + corner) * self.strides[cells.layer, None]
        shape = (squashed[:, 2:] * 2) ** 2 * self.anchors[cells.layer, cells.anchor]
        return torch.cat([centre, shape], 1)

    def _size_in_pixels(self, heads: Sequence[Tensor]) -> Tensor:
        """Return width, height, width, height of the images in pixels: (4,)."""
        height, width = heads[0].shape[2:4]
        return self.strides[0] * self.strides.new_tensor([width, height, width, height])

    def _objectness_loss(
        self, heads: Sequence[Tensor], cells: Cells, iou: Tensor, regions: Tensor
    ) -> Tensor:
        """Return the objectness term: the target is the IoU for assigned cells, else 0.

        Of several objects in one cell, the last in order counts. Cells in regions to ignore count
        only if they are assigned.
        """
        total = iou.new_zeros(())
        for layer, (head, weight) in enumerate(zip(heads, BALANCE[len(heads)], strict=True)):
            mine = cells.layer == layer
            here, quality = cells[mine], iou[mine].clamp(min=0)
            last = last_claims(here, head.shape)
            here, quality = here[last], quality[last]
            target = torch.zeros_like(head[..., 4])
            target[here.image, here.anchor, here.row, here.column] = quality
            counts = _counts(head, here, regions) if len(regions) else None
            loss = functional.binary_cross_entropy_with_logits(head[..., 4], target, counts)
            total = total + weight * loss
        return total

    def _class_loss(self, logits: Tensor, classes: Tensor, layer: Tensor) -> Tensor:
        """Return the class term: binary cross-entropy per class; 0 if there is only one class."""
        if logits.shape[1] == 1:
            return logits.new_zeros(())
        target = functional.one_hot(classes, logits.shape[1]).to(logits)
        target = target * (1 - self.label_smoothing) + self.label_smoothing / 2
        loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return _sum_of_layer_means(loss.mean(1), layer, len(self.strides))


def _counts(head: Tensor, matched: Cells, regions: Tensor) -> Tensor:
    """Return 1 for each cell of an (n, a, h, w, 5 + c) head that counts, else 0: (n, a, h, w).

    matched: assigned cells of this head, which always count
    """
    images, anchors, height, width, _ = head.shape
    counts = outside(regions, (images, height, width)).to(head)[:, None].repeat(1, anchors, 1, 1)
    counts[matched.image, matched.anchor, matched.row, matched.column] = 1
    return counts


def _sum_of_layer_means(values: Tensor, layer: Tensor, layers: int) -> Tensor:
    """Return the sum over layers of each layer's mean value; 0 for an empty layer."""
    sums = values.new_zeros(layers).index_add(0, layer, values)
    return (sums / layer.bincount(minlength=layers).clamp(min=1)).sum()


def complete_iou(one_xywh: Tensor, other_xywh: Tensor, eps: float = 1e-7) -> Tensor:
    """Return the complete IoU of (n, 4) boxes with (n, 4) others, as centre and size: (n,).

    The IoU, minus the squared distance of the centres relative to that of the enclosing box's
    corners, minus a term for the aspect ratio (Zheng et al., Distance-IoU Loss, AAAI 2020, 3.3).
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
