"""The loss equals that of the original implementation, and slow definitions of its terms."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainer.data.samples import IGNORED
from trainer.loss.detection_loss import DetectionLoss, Gains, complete_iou

P5 = Gains(box=0.05, objectness=0.7, classification=0.3)
TINY = Gains(box=0.05, objectness=1.0, classification=0.5)


def predictions(case: dict[str, Any]) -> list[Tensor]:
    """Return the heads for which the reference was computed."""
    rng = np.random.default_rng(zlib.crc32(case["seed_string"].encode()))
    heads = []
    for stride in case["strides"] * (len(case["grad_abs_sum"]) // len(case["strides"])):
        cells = case["size"] // stride
        head = rng.normal(0, 1, (case["batch"], 3, cells, cells, case["nc"] + 5))
        head = head.astype(np.float32)
        head[..., 4] -= 3
        heads.append(torch.from_numpy(head).requires_grad_())
    return heads


def loss_of(case: dict[str, Any], gains: Gains, assignment: Any) -> DetectionLoss:
    anchors = torch.tensor(case["anchors"]).view(len(case["strides"]), -1, 2)
    return DetectionLoss(anchors, torch.tensor(case["strides"]), gains, assignment)


@pytest.mark.parametrize(
    ("name", "gains", "assignment"),
    [
        ("ota_yolov7-tiny", TINY, "ota"),
        ("ota_yolov7", P5, "ota"),
        ("plain_yolov7", P5, "anchors"),
        ("auxota_yolov7-w6", P5, "ota"),
    ],
)
def test_terms_and_gradients_equal_those_of_the_original(
    reference: Path, name: str, gains: Gains, assignment: str
) -> None:
    case = json.loads((reference / "loss.json").read_text())[name]
    heads = predictions(case)

    loss, items = loss_of(case, gains, assignment)(heads, torch.tensor(case["targets"]))
    gradients = torch.autograd.grad(loss, heads)

    assert items.tolist() == pytest.approx(case["items"], rel=1e-4)
    assert loss.item() == pytest.approx(case["loss"], rel=1e-4)
    assert [float(gradient.abs().sum()) for gradient in gradients] == pytest.approx(
        case["grad_abs_sum"], rel=1e-3
    )


def claims_in_the_originals_order(
    targets: Tensor, heads: list[Tensor], anchors: Tensor, strides: list[int]
) -> Iterator[tuple[int, tuple[int, int, int, int], int]]:
    """Yield (head, cell, target) in the order in which the original writes objectness."""
    steps = [(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)]
    for layer, head in enumerate(heads):
        rows, columns = head.shape[2:4]
        for step, anchor, number in product(steps, range(3), range(len(targets))):
            image, _, cx, cy, w, h = targets[number].tolist()
            x, y = np.float32(cx) * columns, np.float32(cy) * rows
            sides = np.array([w * columns, h * rows]) * strides[layer]
            ratio = sides / anchors[layer, anchor].numpy()
            if np.maximum(ratio, 1 / ratio).max() >= 4:
                continue
            near = {
                (0, 0): True,
                (1, 0): x % 1 < 0.5 and x > 1,
                (0, 1): y % 1 < 0.5 and y > 1,
                (-1, 0): (columns - x) % 1 < 0.5 and columns - x > 1,
                (0, -1): (rows - y) % 1 < 0.5 and rows - y > 1,
            }
            if near[step]:
                column, row = int(x - step[0] * 0.5), int(y - step[1] * 0.5)
                cell = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
                yield layer, (int(image), anchor, *cell), number


def test_of_several_objects_in_one_cell_the_last_of_the_original_counts() -> None:
    """One write after the other, as the original does on a CPU, gives the same objectness."""
    rng, strides = np.random.default_rng(5), [8, 16, 32]
    loss, heads = tiny_loss("anchors"), heads_for((160, 160))
    crowd = np.concatenate(
        [
            rng.integers(0, 2, (60, 1)),
            rng.integers(0, 2, (60, 1)),
            rng.uniform(0.3, 0.7, (60, 2)),
            rng.uniform(0.1, 0.6, (60, 2)),
        ],
        axis=1,
    )
    targets = torch.from_numpy(crowd.astype(np.float32))
    written: list[dict[tuple[int, int, int, int], int]] = [{}, {}, {}]
    claims = 0
    for layer, cell, number in claims_in_the_originals_order(targets, heads, loss.anchors, strides):
        written[layer][cell] = number
        claims += 1
    assert claims > sum(map(len, written)) + 50  # many cells are contested

    expected = 0.0
    for layer, weight in enumerate((4.0, 1.0, 0.4)):
        head = heads[layer].detach()
        target = torch.zeros_like(head[..., 4])
        for (image, anchor, row, column), number in written[layer].items():
            raw = head[image, anchor, row, column, :4].sigmoid()
            centre = (raw[:2] * 2 - 0.5 + torch.tensor([column, row])) * strides[layer]
            box = torch.cat([centre, (raw[2:] * 2) ** 2 * loss.anchors[layer, anchor]])
            truth = targets[number, 2:6] * 160
            quality = complete_iou(box[None], truth[None])[0].clamp(min=0)
            target[image, anchor, row, column] = quality
        term = functional.binary_cross_entropy_with_logits(head[..., 4], target)
        expected += weight * float(term)
    _, items = loss(heads, targets)
    assert float(items[1]) == pytest.approx(expected, rel=1e-5)


def heads_for(size: tuple[int, int], classes: int = 2, seed: int = 0) -> list[Tensor]:
    """Return heads of two images of a (height, width), with low objectness everywhere."""
    generator = torch.Generator().manual_seed(seed)
    heads = []
    for stride in (8, 16, 32):
        shape = (2, 3, size[0] // stride, size[1] // stride, 5 + classes)
        head = torch.randn(shape, generator=generator) * 0.1
        head[..., 4] -= 8
        heads.append(head.requires_grad_())
    return heads


def tiny_loss(assignment: Any = "ota", **options: Any) -> DetectionLoss:
    anchors = [[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]]]
    anchors.append([[116, 90], [156, 198], [373, 326]])
    strides = torch.tensor([8, 16, 32])
    return DetectionLoss(torch.tensor(anchors), strides, TINY, assignment, **options)


def test_images_without_objects_have_only_the_objectness_term() -> None:
    heads = heads_for((96, 160))
    loss, items = tiny_loss()(heads, torch.zeros(0, 6))
    gradients = torch.autograd.grad(loss, heads)
    assert items[0] == items[2] == 0 and items[1] > 0
    for gradient in gradients:
        assert (
            gradient[..., 4].all() and not gradient[..., :4].any() and not gradient[..., 5:].any()
        )


@pytest.mark.parametrize("assignment", ["ota", "anchors"])
def test_an_object_in_a_wide_image_is_assigned_to_the_cells_around_its_centre(
    assignment: str,
) -> None:
    heads = heads_for((96, 320))
    centre, shape = (0.9, 0.25), (31 / 320, 24 / 96)  # nearly the largest anchor of stride 8
    targets = torch.tensor([[1, 0, *centre, *shape]])
    gradients = torch.autograd.grad(tiny_loss(assignment)(heads, targets)[0], heads)
    image, anchor, row, column = gradients[0][..., :4].any(dim=-1).nonzero().unbind(1)
    assert set(image.tolist()) == {1} and 2 in anchor.tolist()
    # the cell under (288, 24) pixels at stride 8 is row 3, column 36; its upper and left edges are
    # nearer, so those neighbours may be assigned, too
    assigned = set(zip(row.tolist(), column.tolist(), strict=True))
    assert assigned <= {(3, 36), (2, 36), (3, 35)} and assigned


@pytest.mark.parametrize("assignment", ["ota", "anchors"])
def test_in_a_region_to_ignore_only_assigned_cells_count(assignment: str) -> None:
    size = height, width = 96, 160
    objects = [[0, 0, 0.3, 0.5, 0.2, 0.3], [1, 1, 0.5, 0.5, 0.3, 0.4]]
    regions = [(0, 0, 0, 75, 60), (1, 101, 0, 111, 4)]  # image, xyxy in pixels; one is a sliver
    edges = np.array(regions, np.float32)
    low, high = edges[:, 1:3] / (width, height), edges[:, 3:] / (width, height)
    rows = np.column_stack([edges[:, 0], [IGNORED] * 2, (low + high) / 2, high - low]).tolist()
    loss, heads = tiny_loss(assignment), heads_for(size)
    total, items = loss(heads, torch.tensor(objects))
    plain = torch.autograd.grad(total, heads)
    total, ignoring_items = loss(heads, torch.tensor([*rows, *objects]))
    ignoring = torch.autograd.grad(total, heads)

    assert ignoring_items[[0, 2]].tolist() == items[[0, 2]].tolist()
    assert ignoring_items[1] < items[1]
    for stride, before, after in zip((8, 16, 32), plain, ignoring, strict=True):
        claimed = before[..., :4].any(dim=-1)
        expected = before.clone()
        for image, left, top, right, bottom in regions:
            for row, column in product(range(height // stride), range(width // stride)):
                x, y = column * stride, row * stride
                if x < right and x + stride > left and y < bottom and y + stride > top:
                    expected[image, :, row, column, 4] *= claimed[image, :, row, column]
        assert torch.equal(after, expected) and not torch.equal(after, before)


def test_with_one_class_the_class_term_is_zero() -> None:
    targets = torch.tensor([[0, 0, 0.5, 0.5, 0.2, 0.3]])
    _, items = tiny_loss()(heads_for((96, 96), classes=1), targets)
    assert items[0] > 0 and items[2] == 0


def test_gains_are_scaled_from_three_heads_80_classes_and_640_pixels() -> None:
    gains = Gains(box=0.05, objectness=1.0, classification=0.5)
    assert gains.scaled(3, 80, (640, 640)) == gains
    scaled = gains.scaled(4, 8, (320, 640))
    values = [scaled.box, scaled.objectness, scaled.classification]
    assert values == pytest.approx([0.0375, 0.375, 0.0375])


def test_label_smoothing_moves_the_targets_of_classes() -> None:
    targets = torch.tensor([[0, 0, 0.5, 0.5, 0.2, 0.3]])
    odds = math.log(0.95 / 0.05)  # smoothing by 0.1 has the targets 0.95 and 0.05
    heads = [
        torch.cat(
            [head[..., :5].detach(), head[..., 5:].detach() * 0 + torch.tensor([odds, -odds])], -1
        )
        for head in heads_for((96, 96))
    ]
    for smoothing, satisfied in ((0.1, True), (0.0, False)):
        leaves = [head.clone().requires_grad_() for head in heads]
        loss, _ = tiny_loss(label_smoothing=smoothing)(leaves, targets)
        gradients = torch.cat([g[..., 5:].flatten() for g in torch.autograd.grad(loss, leaves)])
        assert (gradients.abs().max() < 1e-7) == satisfied
