"""Each option of the loss in a recipe changes the gradients as the paper says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.export.onnx_export import export_model
from detector.yolov7.network import Network, network_of
from tests.support.weights import reference_arrays
from trainer.augment.augmenter import Augmenter, AugmentOptions
from trainer.data.labelled_image import LabelledImage
from trainer.recipe import Recipe
from trainer.setup import make_loss, make_network

SIZE = (128, 128)
NO_DATA = Augmenter([], SIZE, AugmentOptions(), 0, [])
# image, class, cx, cy, w, h: objects for every head, some close together, some at a border
TARGETS = torch.tensor(
    [
        [0, 0, 0.31, 0.28, 0.15, 0.20],
        [0, 1, 0.38, 0.33, 0.20, 0.12],
        [0, 1, 0.93, 0.62, 0.10, 0.40],
        [1, 0, 0.52, 0.47, 0.80, 0.70],
        [1, 1, 0.11, 0.86, 0.06, 0.08],
    ]
)


class Gradients(NamedTuple):
    """The gradients of the last convolutions of the lead heads and of the auxiliary heads."""

    lead: Tensor
    auxiliary: Tensor


def gradients(**loss: Any) -> Gradients:
    """Return the gradients of YOLOv7-W6 in the first batch of a recipe with this loss."""
    part = {"yolo": "data.yaml"}
    values = {"size": SIZE, "epochs": 1, "network": "yolov7-w6", "width": 0.03, "loss": loss}
    data = {"classes": ["a", "b"], "train": [part], "val": [part]}
    recipe = Recipe.model_validate(values | {"data": data})
    network = make_network(recipe, NO_DATA, print).train()
    images = torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    total, _ = make_loss(network, recipe)(network(images), TARGETS)
    total.backward()  # type: ignore[no-untyped-call]
    return Gradients(_gradient(network, "m"), _gradient(network, "m2"))


def _gradient(network: Network, heads: str) -> Tensor:
    """Return the gradient of the kernels of four heads; heads without loss have none."""
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
def test_options_of_auxiliary_heads_change_their_gradients_but_not_those_of_lead_heads(
    switch: dict[str, Any],
) -> None:
    default, changed = gradients(), gradients(**switch)
    torch.testing.assert_close(changed.lead, default.lead)
    if switch == {"auxiliary": "none"}:
        assert not len(changed.auxiliary)
    else:
        assert (changed.auxiliary - default.auxiliary).abs().max() > 1e-4


def test_assignment_by_anchors_gives_lead_heads_other_gradients_than_ota() -> None:
    default, changed = gradients(), gradients(assignment="anchors")
    assert (changed.lead - default.lead).abs().max() > 1e-2


def test_a_training_from_an_exported_model_begins_with_statistics_of_its_own_images(
    tmp_path: Path,
) -> None:
    images = np.random.default_rng(1).integers(0, 256, (10, *SIZE, 3), np.uint8)
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    options = AugmentOptions(mosaic=0, whole=1, fliplr=0, hsv_h=0, hsv_s=0, hsv_v=0)
    data = Augmenter([], SIZE, options, 0, [LabelledImage(each, *nothing) for each in images])
    weights = reference_arrays("yolov7-tiny", "training", classes=2, prefix="x", width=0.0625)
    model = tmp_path / "model.onnx"
    export_model(weights, model, class_names=("a", "b"), size=SIZE)

    part = {"yolo": "data.yaml"}
    values = {"size": SIZE, "epochs": 1, "width": 0.0625, "weights": model}
    recipe = Recipe.model_validate(
        values | {"data": {"classes": ["a", "b"], "train": [part], "val": [part]}}
    )
    notes: list[str] = []
    network = make_network(recipe, data, notes.append)
    assert notes == [f"{model}: all weights"]
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    norm = network.get_submodule("model.0.bn")
    with torch.no_grad():
        mean = network.get_submodule("model.0.conv")(pixels).mean((0, 2, 3))
        found = network.eval()(pixels[:2])
        expected = network_of(weights).eval()(pixels[:2])
    # colours are turned to HSV and back, which rounds
    torch.testing.assert_close(norm.running_mean, mean, rtol=0.01, atol=1e-3)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)
