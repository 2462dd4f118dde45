"""Names and shapes are those of the originals, in both forms, and of torch's at any width."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from detector.errors import ModelError
from detector.yolov7.description import Form, network_names, read_description
from detector.yolov7.network import build_network
from detector.yolov7.random_weights import random_weights
from detector.yolov7.state_shapes import state_shapes
from detector.yolov7.weights import NetworkWeights, WrongWeights
from tests.support.descriptions import FAMILY, edited


@pytest.mark.parametrize("name", FAMILY)
def test_names_and_shapes_are_those_of_the_original(name: str, reference: Path) -> None:
    for form in FAMILY[name]:
        stem = "deploy" if form == "deployed" else form
        facts = json.loads((reference / f"{name}.{stem}.json").read_text())
        description = read_description(name)
        if form == "deployed":
            description = description.deployed()
        shapes = {k: list(v) for k, v in state_shapes(description, facts["nc"], 1.0).items()}
        assert shapes == facts["parameters"] | facts["buffers"]


@pytest.mark.parametrize("form", ["training", "deployed"])
@pytest.mark.parametrize("name", network_names())
def test_any_width_and_number_of_classes_gives_the_shapes_of_the_network_in_torch(
    name: str, form: Form
) -> None:
    with torch.device("meta"):
        network = build_network(name, classes=3, width=0.3, form=form)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert state_shapes(network.description, 3, 0.3) == shapes


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[-1], MP, []] # 8", "[[-1], Maxpool, []]", r"row 8: no such operation: Maxpool \[\]"),
        ("[[-1], SP, [5]] # 31", "[[-1, 0], Shortcut, []]", r"row 31: .*\[256, 32\] channels"),
        ("leaky_relu", "relu", "no such activation: 'relu'; accepted: leaky_relu, silu"),
    ],
)
def test_a_description_that_no_network_has_is_refused(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    description = read_description(edited("yolov7-tiny", old, new, tmp_path))
    with pytest.raises(ModelError, match=message):
        state_shapes(description, 80, 1.0)
    with pytest.raises(ModelError, match=message):
        build_network(description)


def test_random_weights_are_those_of_a_network_and_follow_their_seed() -> None:
    made = [random_weights("yolov7-w6", classes=3, width=0.05, seed=seed) for seed in (1, 1, 2)]
    one, same, other = (each.arrays["model.1.conv.weight"] for each in made)
    assert (one == same).all() and not (one == other).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.0.conv.weight": None}, "^model.0.conv.weight is missing$"),
        ({"model.0.bn.bias": (3,)}, r"^model.0.bn.bias is \(3,\) instead of \(8,\)$"),
        ({"model.99.bias": (3,)}, "^model.99.bias belongs to no layer$"),
    ],
)
def test_weights_that_are_not_those_of_the_network_are_named(
    changes: dict[str, tuple[int, ...] | None], message: str
) -> None:
    good = random_weights("yolov7-tiny", classes=2, width=0.05, seed=0)
    arrays = dict(good.arrays)
    for name, shape in changes.items():
        arrays.pop(name, None)
        if shape:
            arrays[name] = good.arrays["model.0.bn.weight"].repeat(3)[: shape[0]]
    with pytest.raises(WrongWeights, match=message):
        NetworkWeights(good.description, good.classes, good.width, arrays)
