"""The device of a training, and the type it computes in."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainer.optim.device import choose_device
from trainer.recipe import Recipe


@pytest.mark.parametrize(
    ("amp", "has_bf16", "reduced"),
    [
        (True, True, torch.bfloat16),
        (True, False, None),  # without instructions for it, bfloat16 is many times slower
        ("bf16", False, torch.bfloat16),  # asked for
        (False, True, None),
    ],
)
def test_a_cpu_uses_bfloat16_if_it_is_faster_or_asked_for(
    amp: Any, has_bf16: bool, reduced: torch.dtype | None
) -> None:
    part = {"yolo": "data.yaml"}
    data = {"classes": ["a"], "train": [part], "val": [part]}
    values = {"size": [64, 64], "epochs": 1, "device": "cpu", "amp": amp, "data": data}
    chosen = choose_device(Recipe.model_validate(values), cpu_has_bf16=lambda: has_bf16)
    assert chosen.reduced == reduced
    with chosen.autocast():
        found = torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)).dtype
    assert found == (reduced or torch.float32)
