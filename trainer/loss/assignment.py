"""Label assignment: which cells of the heads answer for which ground truth."""

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
    """Places in the heads, each paired with the ground truth that it may answer for.

    Every field is (n,) int64: head, image in the batch, anchor, row, column, row of `targets`.
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
        """Return the chosen cells, by mask or positions."""
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
            place = (self.image[here], self.anchor[here], self.row[here], self.column[here])
            parts.append(head[place])
        return torch.cat(parts)


def candidate_cells(
    targets: Tensor,
    *,
    grids: Sequence[tuple[int, int]],
    anchors: Tensor,
    strides: Tensor,
    ratio: float,
    reach: float = 0.5,
) -> Cells:
    """Return the cells that may answer for each ground truth, by shape and place of its box.

    An anchor is taken if it is less than `ratio` times larger or smaller in width and height; with
    the cell under the centre come the neighbours within `reach` cells of it (YOLOv7, 4.2).

    targets: (m, 6) float32: image, class, cx, cy, w, h in parts of the image
    grids: height and width of every head, in cells; anchors: (layers, a, 2) float32, pixels
    """
    parts = []
    for layer, (height, width) in enumerate(grids):
        cells = targets.new_tensor([width, height])
        centre = targets[:, 2:4] * cells  # (m, 2) cells
        fits = _fits(targets[:, 4:6] * cells * strides[layer], anchors[layer], ratio)
        near = _near_centre(centre, cells, reach)
        target, anchor, neighbour = (fits[:, :, None] & near[:, None]).nonzero(as_tuple=True)
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
    """Say which (a, 2) anchors are near enough to each (m, 2) width and height: (m, a) bool."""
    quotient = shapes[:, None] / anchors
    return torch.maximum(quotient, 1 / quotient).amax(2) < ratio


def _near_centre(centre: Tensor, cells: Tensor, reach: float) -> Tensor:
    """Say which of the five `NEIGHBOURS` of each centre are taken: (m, 5) bool."""
    left_above = (centre % 1 < reach) & (centre > 1)
    beyond = cells - centre
    right_below = (beyond % 1 < reach) & (beyond > 1)
    itself = torch.ones_like(left_above[:, :1])
    return torch.cat([itself, left_above, right_below], 1)


@torch.no_grad()
def simota(
    cells: Cells, rows: Tensor, boxes_xywh: Tensor, targets: Tensor, truth_xywh: Tensor, top: int
) -> Cells:
    """Keep the cells that answer best, judged by what the network says there now.

    The optimal-transport assignment in its simplified form (OTA, 3.2; YOLOX, 2.4): a ground truth
    takes as many of its image's cells as its `top` best IoUs sum up to, the cheapest first; a
    cell that several want goes to the one for which it is cheapest.

    cells: (n,) candidates; rows: (n, 5 + c), what is predicted there, raw; boxes_xywh: (n, 4), its
    boxes; targets: (m, 6) as above; truth_xywh: (m, 4), their boxes. Boxes are centre and size in
    pixels.
    """
    if not len(cells):
        return cells
    images = int(targets[:, 0].max()) + 1
    cell, is_cell = _grouped(cells.image, images)  # (p, n)
    wanted, is_wanted = _grouped(targets[:, 0].long(), images)  # (p, m)
    there = is_wanted[:, :, None] & is_cell[:, None]
    iou = _pairwise_iou(truth_xywh[wanted], boxes_xywh[cell]).where(there, 0)
    cost = _class_cost(rows[cell], targets[wanted, 1].long())
    cost -= SIMOTA_IOU_WEIGHT * torch.log(iou + 1e-8)
    chosen, by = _dynamic_k(cost.where(there, torch.inf), iou, top)
    matched, order = cell[chosen].sort()  # by head again, as rows_of wants it
    taken = cells[matched]
    return Cells(
        layer=taken.layer,
        image=taken.image,
        anchor=taken.anchor,
        row=taken.row,
        column=taken.column,
        target=wanted.gather(1, by)[chosen][order],
    )


def _grouped(of: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Return the positions of the members of each group, and which are none but fill its row.

    of: (n,) int64, the group of each; both results are (groups, size of the largest), in order
    """
    counts = of.bincount(minlength=groups)
    is_member = torch.arange(int(counts.max()), device=of.device) < counts[:, None]
    members = torch.zeros_like(is_member, dtype=torch.int64)
    members[is_member] = of.argsort(stable=True)
    return members, is_member


def _dynamic_k(cost: Tensor, iou: Tensor, top: int) -> tuple[Tensor, Tensor]:
    """Return which columns of each (p, m, n) `cost` are taken, and the row that takes each: (p, n).

    Where the cost is infinite, IoU must be 0: there is nothing to take.
    """
    top = min(top, iou.shape[2])
    count = iou.topk(top, dim=2).values.sum(2, keepdim=True).int().clamp(min=1)  # (p, m, 1)
    cheapest = cost.topk(top, dim=2, largest=False).indices  # (p, m, top)
    within = torch.arange(top, device=cost.device) < count
    wants = torch.zeros_like(cost, dtype=torch.bool).scatter_(2, cheapest, within)
    wants &= cost < torch.inf
    contested = wants.sum(1, keepdim=True) > 1
    # of those that want it; of a contested one the cheapest of all, even one that did not ask
    bids = cost.masked_fill(~(wants | contested), torch.inf)
    return wants.any(1), bids.argmin(1)


def _class_cost(rows: Tensor, classes: Tensor) -> Tensor:
    """Return the cross-entropy of sqrt(objectness x class score) with each class: (p, m, n).

    The sum over all classes is the same for every ground truth but for its own class, so that no
    array with an axis for classes beside m and n is made.

    rows: (p, n, 5 + c), raw; classes: (p, m), of the ground truths
    """
    log_score = (functional.logsigmoid(rows[..., 5:]) + functional.logsigmoid(rows[..., 4:5])) / 2
    log_rest = torch.log(-torch.expm1(log_score.clamp(max=-1e-7)))
    nothing = -log_rest.sum(2)  # (p, n)
    own = (log_rest - log_score).transpose(1, 2)  # (p, c, n)
    return nothing[:, None] + own.take_along_dim(classes[:, :, None], 1)


def _pairwise_iou(one_xywh: Tensor, other_xywh: Tensor) -> Tensor:
    """Return the IoU of each of (p, m, 4) boxes with each of (p, n, 4), as xywh: (p, m, n)."""
    one, other = one_xywh[:, :, None], other_xywh[:, None]
    low = torch.maximum(_low(one), _low(other))
    high = torch.minimum(_high(one), _high(other))
    shared = (high - low).clamp(min=0).prod(3)
    return shared / (one[..., 2:].prod(3) + other[..., 2:].prod(3) - shared)


def _low(xywh: Tensor) -> Tensor:
    return xywh[..., :2] - xywh[..., 2:] / 2


def _high(xywh: Tensor) -> Tensor:
    return xywh[..., :2] + xywh[..., 2:] / 2
