"""The loss agrees with the original's numbers, and with slow definitions of its parts."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.loss import DetectionLoss, Gains

P5 = Gains(box=0.05, objectness=0.7, classification=0.3)
TINY = Gains(box=0.05, objectness=1.0, classification=0.5)


def predictions(case: dict[str, Any]) -> list[Tensor]:
    """Make the heads that the reference was computed on."""
    rng = np.random.default_rng(zlib.crc32(case["seed_string"].encode()))
    heads = []
    for stride in case["strides"]:
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
    ],
)
def test_items_and_gradients_are_those_of_the_original(
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
