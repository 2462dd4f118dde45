"""Label assignment: which cells of the heads predict which ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

NEIGHBOURS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))  # x, y
SIMOTA_IOU_WEIGHT = 3.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of the heads, each paired with a ground truth that it may predict.

    Each field is (n,) int64: head, image in the batch, anchor, row, column, row of `targets`.
    """

    layer: Tensor
    image: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.layer)

    def __getitem__(self, chosen: Tensor) -> Cells:
        """Return the cells selected by a mask or by positions."""
        return Cells(
            self.layer[chosen],
            self.image[chosen],
            self.anchor[chosen],
            self.row[chosen],
            self.column[chosen],
            self.target[chosen],
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Cells]) -> Cells:
        """Return the cells of all parts, in order."""
        return cls(
            torch.cat([part.layer for part in parts]),
            torch.cat([part.image for part in parts]),
            torch.cat([part.anchor for part in parts]),
            torch.cat([part.row for part in parts]),
            torch.cat([part.column for part in parts]),
            torch.cat([part.target for part in parts]),
        )

    def rows_of(self, heads: Sequence[Tensor]) -> Tensor:
        """Gather the raw predictions of these cells, which must be ordered by head: (n, 5 + c)."""
        parts = []
        for layer, head in enumerate(heads):
            here = self.layer == layer
            index = (self.image[here], self.anchor[here], self.row[here], self.column[here])
            parts.append(head[index])
        return torch.cat(parts)


def last_claims(cells: Cells, shape: Sequence[int]) -> Tensor:
    """Return which cells of one head no later one claims, too: (n,) bool, the same on any device.

    Several objects may claim one cell of one anchor. On a CPU the original writes them in order, so
    that the last one stays; on a GPU that depends on chance.

    shape: images, anchors, rows, columns, ... of the head
    """
    images, anchors, rows, columns = shape[:4]
    place = ((cells.image * anchors + cells.anchor) * rows + cells.row) * columns + cells.column
    position = torch.arange(len(cells), device=place.device)
    last = position.new_full((images * anchors * rows * columns,), -1)
    return last.scatter_reduce(0, place, position, "amax")[place] == position


def candidate_cells(
    targets: Tensor,
    *,
    grids: Sequence[tuple[int, int]],
    anchors: Tensor,
    strides: Tensor,
    ratio: float,
    reach: float = 0.5,
) -> Cells:
    """Return the cells that may predict each ground truth, by shape and position of its box.

    An anchor is taken if width and height differ by a factor below `ratio`. For each centre, the
    cell under it is taken and its neighbours within `reach` cells (YOLOv7, 4.2). The cells of a
    head are in the original's order, which decides contested cells: by neighbour, then anchor, then
    ground truth.

    targets: (m, 6) float32: image, class, cx, cy, w, h as fractions of the image
    grids: height and width of each head, in cells; anchors: (layers, a, 2) float32, pixels
    """
    parts = []
    for layer, (height, width) in enumerate(grids):
        cells = targets.new_tensor([width, height])
        centre = targets[:, 2:4] * cells  # (m, 2) cells
        fits = _fits(targets[:, 4:6] * cells * strides[layer], anchors[layer], ratio)
        near = _near_centre(centre, cells, reach)
        taken = (fits[:, :, None] & near[:, None]).permute(2, 1, 0)
        neighbour, anchor, target = taken.nonzero(as_tuple=True)
        step = targets.new_tensor(NEIGHBOURS)[neighbour] * reach
        column, row = (centre[target] - step).long().unbind(1)
        parts.append(
            Cells(
                layer=torch.full_like(target, layer),
                image=targets[target, 0].long(),
                anchor=anchor,
                row=row.clamp(0, height - 1),
                column=column.clamp(0, width - 1),
                target=target,
            )
        )
    return Cells.concatenate(parts)


def _fits(shapes: Tensor, anchors: Tensor, ratio: float) -> Tensor:
    """Return which (a, 2) anchors fit each (m, 2) width and height: (m, a) bool."""
    quotient = shapes[:, None] / anchors
    return torch.maximum(quotient, 1 / quotient).amax(2) < ratio


def _near_centre(centre: Tensor, cells: Tensor, reach: float) -> Tensor:
    """Return which of the five `NEIGHBOURS` of each centre are taken: (m, 5) bool."""
    left_above = (centre % 1 < reach) & (centre > 1)
    beyond = cells - centre
    right_below = (beyond % 1 < reach) & (beyond > 1)
    itself = torch.ones_like(left_above[:, :1])
    return torch.cat([itself, left_above, right_below], 1)


@torch.no_grad()
def simota(
    cells: Cells, rows: Tensor, boxes_xywh: Tensor, targets: Tensor, truth_xywh: Tensor, top: int
) -> Cells:
    """Return the cells whose current predictions fit their ground truth best.

    Simplified optimal-transport assignment (OTA, 3.2; YOLOX, 2.4): a ground truth takes the
    cheapest cells of its image, as many as the sum of its `top` highest IoUs. A cell that several
    take goes to the one with the lowest cost.

    cells: (n,) candidates; rows: (n, 5 + c), their raw predictions; boxes_xywh: (n, 4), the decoded
    boxes; targets: (m, 6) as above; truth_xywh: (m, 4), their boxes. Boxes are centre and size in
    pixels.
    """
    if not len(cells):
        return cells
    images = int(targets[:, 0].max()) + 1
    cell, is_cell = _grouped(cells.image, images)  # (p, n)
    truth, is_truth = _grouped(targets[:, 0].long(), images)  # (p, m)
    is_pair = is_truth[:, :, None] & is_cell[:, None]
    iou = _pairwise_iou(truth_xywh[truth], boxes_xywh[cell]).where(is_pair, 0)
    cost = _class_cost(rows[cell], targets[truth, 1].long())
    cost -= SIMOTA_IOU_WEIGHT * torch.log(iou + 1e-8)
    chosen, by = _dynamic_k(cost.where(is_pair, torch.inf), iou, top)
    matched, order = cell[chosen].sort()  # ordered by head, as rows_of requires
    taken = cells[matched]
    return Cells(
        layer=taken.layer,
        image=taken.image,
        anchor=taken.anchor,
        row=taken.row,
        column=taken.column,
        target=truth.gather(1, by)[chosen][order],
    )


def _grouped(of: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Return the members of each group, padded to the largest group, and a mask of real members.

    of: (n,) int64, group of each element; both results are (groups, size of the largest)
    """
    counts = of.bincount(minlength=groups)
    is_member = torch.arange(int(counts.max()), device=of.device) < counts[:, None]
    members = torch.zeros_like(is_member, dtype=torch.int64)
    members[is_member] = of.argsort(stable=True)
    return members, is_member


def _dynamic_k(cost: Tensor, iou: Tensor, top: int) -> tuple[Tensor, Tensor]:
    """Return which cells of (p, m, n) `cost` are taken, and the row that takes each: both (p, n).

    IoU must be 0 wherever the cost is infinite.
    """
    top = min(top, iou.shape[2])
    count = iou.topk(top, dim=2).values.sum(2, keepdim=True).int().clamp(min=1)  # (p, m, 1)
    cheapest = cost.topk(top, dim=2, largest=False).indices  # (p, m, top)
    within = torch.arange(top, device=cost.device) < count
    wants = torch.zeros_like(cost, dtype=torch.bool).scatter_(2, cheapest, within)
    wants &= cost < torch.inf
    contested = wants.sum(1, keepdim=True) > 1
    # a contested cell goes to the cheapest ground truth of all, even one that did not want it
    bids = cost.masked_fill(~(wants | contested), torch.inf)
    return wants.any(1), bids.argmin(1)


def _class_cost(rows: Tensor, classes: Tensor) -> Tensor:
    """Return the cross-entropy of sqrt(objectness x class score) with each class: (p, m, n).

    The sum over the other classes is shared by all ground truths, so no array needs axes for
    classes, m and n at once.

    rows: (p, n, 5 + c), raw; classes: (p, m), of the ground truths
    """
    log_score = (functional.logsigmoid(rows[..., 5:]) + functional.logsigmoid(rows[..., 4:5])) / 2
    log_rest = torch.log(-torch.expm1(log_score.clamp(max=-1e-7)))
    nothing = -log_rest.sum(2)  # (p, n)
    own = (log_rest - log_score).transpose(1, 2)  # (p, c, n)
    return nothing[:, None] + own.take_along_dim(classes[:, :, None], 1)


def _pairwise_iou(one_xywh: Tensor, other_xywh: Tensor) -> Tensor:
    """Return the IoU of (p, m, 4) and (p, n, 4) boxes (xywh), pairwise: (p, m, n)."""
    one, other = one_xywh[:, :, None], other_xywh[:, None]
    low = torch.maximum(_low(one), _low(other))
    high = torch.minimum(_high(one), _high(other))
    shared = (high - low).clamp(min=0).prod(3)
    return shared / (one[..., 2:].prod(3) + other[..., 2:].prod(3) - shared)


def _low(xywh: Tensor) -> Tensor:
    return xywh[..., :2] - xywh[..., 2:] / 2


def _high(xywh: Tensor) -> Tensor:
    return xywh[..., :2] + xywh[..., 2:] / 2
