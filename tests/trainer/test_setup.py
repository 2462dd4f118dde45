"""What a recipe says of the loss is what a network is taught: every switch of the paper."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from detector.yolov7.network import Network
from trainer.recipe import Recipe
from trainer.setup import make_loss, make_network

SIZE = (128, 128)
# image, class, cx, cy, w, h: objects for every head, some near to each other, some at a border
TARGETS = torch.tensor(
    [
        [0, 0, 0.31, 0.28, 0.15, 0.20],
        [0, 1, 0.38, 0.33, 0.20, 0.12],
        [0, 1, 0.93, 0.62, 0.10, 0.40],
        [1, 0, 0.52, 0.47, 0.80, 0.70],
        [1, 1, 0.11, 0.86, 0.06, 0.08],
    ]
)


class Taught(NamedTuple):
    """The gradients of the last convolutions: of the lead heads, and of the auxiliary ones."""

    lead: Tensor
    auxiliary: Tensor


def taught(**loss: Any) -> Taught:
    """Return what a recipe with such a loss teaches YOLOv7-W6 in its first batch."""
    part = {"yolo": "data.yaml"}
    given = {"size": SIZE, "epochs": 1, "network": "yolov7-w6", "width": 0.03, "loss": loss}
    data = {"classes": ["a", "b"], "train": [part], "val": [part]}
    recipe = Recipe.model_validate(given | {"data": data})
    network = make_network(recipe, lambda: torch.empty(0, 2).numpy(), print).train()
    images = torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    total, _ = make_loss(network, recipe)(network(images), TARGETS)
    total.backward()  # type: ignore[no-untyped-call]
    return Taught(_gradient(network, "m"), _gradient(network, "m2"))


def _gradient(network: Network, heads: str) -> Tensor:
    """Return the gradient of the kernels of four heads; those that learn nothing have none."""
    kernels = [network.head.get_parameter(f"{heads}.{i}.weight") for i in range(4)]
    return torch.cat([torch.zeros(0), *(w.grad.flatten() for w in kernels if w.grad is not None)])


@pytest.mark.parametrize(
    "switch",
    [
        {"auxiliary": "lead_guided"},
        {"auxiliary": "independent"},
        {"auxiliary": "none"},
        {"constraint": False},
    ],
    ids=str,
)
def test_a_switch_of_the_auxiliary_heads_changes_what_they_learn_and_no_lead_head(
    one_thread: None, switch: dict[str, Any]
) -> None:
    usually, found = taught(), taught(**switch)
    torch.testing.assert_close(found.lead, usually.lead)
    if switch == {"auxiliary": "none"}:
        assert not len(found.auxiliary)
    else:
        assert (found.auxiliary - usually.auxiliary).abs().max() > 1e-4


def test_plain_matching_teaches_lead_heads_something_else_than_ota(one_thread: None) -> None:
    usually, found = taught(), taught(assignment="anchors")
    assert (found.lead - usually.lead).abs().max() > 1e-2
