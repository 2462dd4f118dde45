"""The vectorised assignment equals a slow one, image by image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.loss.assignment import SIMOTA_IOU_WEIGHT, Cells, last_claims, simota

CLASSES = 3


def iou(a: list[float], b: list[float]) -> float:
    sides = [
        min(a[i] + a[i + 2] / 2, b[i] + b[i + 2] / 2)
        - max(a[i] - a[i + 2] / 2, b[i] - b[i + 2] / 2)
        for i in (0, 1)
    ]
    shared = max(0.0, sides[0]) * max(0.0, sides[1])
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def class_cost(row: list[float], wanted: int) -> float:
    """Cross-entropy of sqrt(objectness x class score) with a class."""
    objectness, *scores = (1 / (1 + math.exp(-logit)) for logit in row[4:])
    cost = 0.0
    for number, score in enumerate(scores):
        both = math.sqrt(objectness * score)
        cost -= math.log(both if number == wanted else 1 - both)
    return cost


def one_by_one(
    images: list[int], rows: Tensor, boxes: Tensor, targets: Tensor, truth: Tensor, top: int
) -> set[tuple[int, int]]:
    """Return the pairs (cell, ground truth) of SimOTA as published, computed with loops."""
    pairs = set()
    for image in set(images):
        cells = [number for number, each in enumerate(images) if each == image]
        wanted = [number for number, each in enumerate(targets) if int(each[0]) == image]
        asked: set[tuple[int, int]] = set()
        cost: dict[int, dict[int, float]] = {}  # by ground truth, then by cell
        for truth_number in wanted:
            overlaps, of_cell = {}, {}
            for cell in cells:
                overlaps[cell] = iou(truth[truth_number].tolist(), boxes[cell].tolist())
                of_cell[cell] = class_cost(
                    rows[cell].tolist(), int(targets[truth_number, 1])
                ) - SIMOTA_IOU_WEIGHT * math.log(overlaps[cell] + 1e-8)
            count = max(1, int(sum(sorted(overlaps.values())[-top:])))
            asked |= {
                (cell, truth_number) for cell in sorted(cells, key=of_cell.__getitem__)[:count]
            }
            cost[truth_number] = of_cell
        for cell in {cell for cell, _ in asked}:
            askers = [number for number in wanted if (cell, number) in asked]
            among = wanted if len(askers) > 1 else askers
            prices = {number: cost[number][cell] for number in among}
            pairs.add((cell, min(prices, key=prices.__getitem__)))
    return pairs


def test_the_last_claim_of_each_cell_is_found_in_any_head() -> None:
    rng, shape = np.random.default_rng(3), (2, 3, 4, 5, 9)
    places = torch.from_numpy(np.stack([rng.integers(0, n, 200) for n in shape[:4]]))
    nothing = torch.zeros(200, dtype=torch.long)
    cells = Cells(nothing, places[0], places[1], places[2], places[3], torch.arange(200))
    last = {tuple(place): number for number, place in enumerate(places.T.tolist())}
    assert last_claims(cells, shape).nonzero()[:, 0].tolist() == sorted(last.values())
    assert len(last_claims(cells[nothing[:0]], shape)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_each_image_is_assigned_independently(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_images, objects, count = 4, int(rng.integers(1, 9)), int(rng.integers(1, 80))
    targets = torch.zeros(objects, 6)
    targets[:, 0] = torch.from_numpy(rng.integers(0, n_images, objects))
    targets[:, 1] = torch.from_numpy(rng.integers(0, CLASSES, objects))
    truth = torch.from_numpy(rng.uniform(20, 60, (objects, 4)).astype(np.float32))
    own = torch.from_numpy(rng.integers(0, objects, count))  # the ground truth near each cell
    images = targets[own, 0].long()
    boxes = truth[own] + torch.from_numpy(rng.normal(0, 6, (count, 4)).astype(np.float32))
    rows = torch.from_numpy(rng.normal(0, 1, (count, 5 + CLASSES)).astype(np.float32))
    nothing, number = torch.zeros(count, dtype=torch.long), torch.arange(count)

    cells = Cells(nothing, images, nothing, nothing, number, own)
    matched = simota(cells, rows, boxes, targets, truth, top=10)

    found = list(zip(matched.column.tolist(), matched.target.tolist(), strict=True))
    assert set(found) == one_by_one(images.tolist(), rows, boxes, targets, truth, top=10)
    assert matched.column.tolist() == sorted(set(matched.column.tolist()))
    assert (matched.image == targets[matched.target, 0]).all()
