"""Auxiliary heads are assigned the cells and targets of the paper (YOLOv7, 4.2)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from detector.yolov7.network import build_network
from tests.trainer.loss.test_detection_loss import heads_for, tiny_loss

LAYERS = 3
# 31 x 24 pixels on 96 x 96, centred at 0.9 of the cell in column 3, row 3 of stride 8; the left
# neighbour is too far from the centre for a lead head
TARGET = torch.tensor([[0, 1, 3.9 * 8 / 96, 3.6 * 8 / 96, 31 / 96, 24 / 96]])
LEFT = (0, 2, 3, 2)  # image, anchor (33 x 23 pixels), row, column


def gradients(heads: list[Tensor], assignment: str = "ota", **options: Any) -> list[Tensor]:
    loss, _ = tiny_loss(assignment, **options)(heads, TARGET)
    return list(torch.autograd.grad(loss, heads, materialize_grads=True))


def six_heads(seeds: tuple[int, int] = (0, 0)) -> list[Tensor]:
    """Return lead, then auxiliary heads of two images of 96 x 96, with low objectness."""
    return [head for seed in seeds for head in heads_for((96, 96), seed=seed)]


def assigned(heads: list[Tensor]) -> set[tuple[int, ...]]:
    """Return (layer, image, anchor, row, column) of the cells whose box has a gradient."""
    return {
        (layer, *cell)
        for layer, head in enumerate(heads)
        for cell in head[..., :4].any(dim=-1).nonzero().tolist()
    }


@pytest.mark.parametrize("assignment", ["ota", "anchors"])
def test_coarse_cells_include_those_of_the_lead_heads_and_more(assignment: str) -> None:
    found = gradients(six_heads(), assignment)
    lead, auxiliary = assigned(found[:LAYERS]), assigned(found[LAYERS:])
    assert (0, *LEFT) not in lead
    if assignment == "anchors":
        assert lead < auxiliary and (0, *LEFT) in auxiliary


def test_lead_guided_heads_have_the_cells_of_the_lead_heads() -> None:
    found = gradients(six_heads((0, 1)), auxiliary="lead_guided")
    assert assigned(found[:LAYERS]) == assigned(found[LAYERS:])


def test_independent_heads_have_the_cells_that_they_would_have_alone() -> None:
    heads = six_heads((0, 1))
    found = gradients(heads, auxiliary="independent")
    swapped = gradients([*heads[LAYERS:], *heads[:LAYERS]], auxiliary="independent")
    assert assigned(found[LAYERS:]) == assigned(swapped[:LAYERS])
    assert assigned(found[:LAYERS]) == assigned(swapped[LAYERS:])


def test_disabled_auxiliary_heads_learn_nothing_and_lead_heads_the_same() -> None:
    found, alone = gradients(six_heads()), gradients(six_heads(), auxiliary="none")
    assert not any(gradient.any() for gradient in alone[LAYERS:])
    for with_them, without in zip(found[:LAYERS], alone[:LAYERS], strict=True):
        torch.testing.assert_close(with_them, without)


@pytest.mark.parametrize(
    ("constraint", "max_iou"),
    # the centre is 1.9 cells from the left edge of the cell; with the constraint a box can move by
    # 1.5 cells, 3.2 pixels too little; without it by 2 cells
    [(True, (31 - 3.2) / (31 + 3.2)), (False, 1.0)],
)
def test_the_distance_of_a_coarse_cell_limits_its_objectness(
    constraint: bool, max_iou: float
) -> None:
    """The maximum objectness target of the cell, over all boxes that it can predict."""
    heads = [head.detach() for head in six_heads()]
    shape = torch.tensor([31 / 33, 24 / 23]).sqrt() / 2  # decodes to the size of the target
    targets = []
    for right in torch.linspace(0.005, 0.995, 100):
        down = torch.tensor((0.6 + 0.5) / 2 if constraint else (0.6 + 1) / 3)
        heads[LAYERS][LEFT][:4] = torch.stack([right, down, *shape]).logit()
        loss = tiny_loss("anchors", constraint=constraint)
        leaves = [head.clone().requires_grad_() for head in heads]
        total, _ = loss(leaves, TARGET)
        (gradient,) = torch.autograd.grad(total, leaves[LAYERS : LAYERS + 1])
        weight = 0.25 * 4.0 * len(heads[0]) / heads[LAYERS][..., 4].numel()
        objectness = heads[LAYERS][LEFT][4].sigmoid()
        targets.append((objectness - gradient[LEFT][4] / weight).item())
    assert max(targets) == pytest.approx(max_iou, abs=0.02)


def test_auxiliary_heads_of_e6e_train_one_of_the_two_paths_of_a_block() -> None:
    """In the block at stride 8, rows 167 to 176 are one path and 177 to 186 the other."""
    torch.manual_seed(0)
    network = build_network("yolov7-e6e", classes=1, width=0.03)
    weights = dict(network.named_parameters())
    paths = [weights["model.176.conv.weight"], weights["model.186.conv.weight"]]
    heads = network(torch.rand(2, 3, 64, 64))
    for head, reaches_first in ((heads[0], True), (heads[4], False)):
        taught = torch.autograd.grad(head.sum(), paths, retain_graph=True, allow_unused=True)
        assert [gradient is not None for gradient in taught] == [reaches_first, True]
