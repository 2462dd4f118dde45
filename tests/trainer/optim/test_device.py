"""Where a training computes, and in which type: the fast one of what there is."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainer.optim import device as place
from trainer.recipe import Recipe


@pytest.mark.parametrize(
    ("amp", "able", "reduced"),
    [
        (True, True, torch.bfloat16),
        (True, False, None),  # without instructions for it, bfloat16 is many times slower
        ("bf16", False, torch.bfloat16),  # asked for
        (False, True, None),
    ],
)
def test_a_cpu_takes_bfloat16_where_it_is_faster_or_asked_for(
    monkeypatch: pytest.MonkeyPatch, amp: Any, able: bool, reduced: torch.dtype | None
) -> None:
    monkeypatch.setattr(place, "computes_bf16", lambda: able)
    part = {"yolo": "data.yaml"}
    data = {"classes": ["a"], "train": [part], "val": [part]}
    given = {"size": [64, 64], "epochs": 1, "device": "cpu", "amp": amp, "data": data}
    chosen = place.choose_device(Recipe.model_validate(given))
    assert chosen.reduced == reduced
    with chosen.autocast():
        found = torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)).dtype
    assert found == (reduced or torch.float32)
