"""The network is the original YOLOv7: same names, same counts, same numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.errors import ModelError
from detector.network import NETWORKS, Network, build_network, deploy
from tests.weights import reference_weights

KINDS = ["training", "deploy"]


def described(reference: Path, kind: str) -> dict[str, Any]:
    with (reference / f"yolov7-tiny.{kind}.json").open() as file:
        return dict(json.load(file))


def reference_network(reference: Path, kind: str, folder: Path) -> Network:
    """Build the network of one reference file; the deployed form has the plain head."""
    text = (NETWORKS / "yolov7-tiny.yaml").read_text()
    path = folder / "yolov7-tiny.yaml"
    path.write_text(text.replace("IDetect", "Detect") if kind == "deploy" else text)
    network = build_network(path).eval()
    prefix = described(reference, kind)["weight_seed_prefix"]
    network.load_state_dict(reference_weights(network, prefix))
    return network


def reference_input(reference: Path, kind: str) -> Tensor:
    facts = described(reference, kind)
    size = facts["input_size"]
    images = np.random.default_rng(facts["input_seed"]).uniform(0, 1, (1, 3, size, size))
    return torch.from_numpy(images.astype(np.float32))


@torch.no_grad()
def assert_agrees(network: Network, reference: Path, kind: str) -> None:
    heads = network(reference_input(reference, kind))
    outputs = {f"head{i}": head for i, head in enumerate(heads)}
    outputs["decoded"] = network.decode(heads)
    expected = np.load(reference / f"yolov7-tiny.{kind}.npz")
    for name, output in outputs.items():
        values = expected[f"{name}_val"]
        assert list(output.shape) == expected[f"{name}_shape"].tolist()
        error = np.abs(output.numpy().ravel()[expected[f"{name}_idx"]] - values).max()
        assert error <= 1e-4 * np.abs(values).max(), f"{name}: {error}"


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_and_buffers_have_the_official_names_and_shapes(
    kind: str, reference: Path, tmp_path: Path
) -> None:
    network, facts = reference_network(reference, kind, tmp_path), described(reference, kind)
    assert {n: list(p.shape) for n, p in network.named_parameters()} == facts["parameters"]
    assert {n: list(b.shape) for n, b in network.named_buffers()} == facts["buffers"]
    assert sum(p.numel() for p in network.parameters()) == facts["n_parameters"]
    assert set(network.state_dict()) == {*facts["parameters"], *facts["buffers"]}


@pytest.mark.parametrize("kind", KINDS)
def test_raw_heads_and_decoded_boxes_are_the_originals(
    kind: str, reference: Path, tmp_path: Path
) -> None:
    assert_agrees(reference_network(reference, kind, tmp_path), reference, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_deploying_folds_everything_away_and_changes_no_number(
    kind: str, reference: Path, tmp_path: Path
) -> None:
    fused = deploy(reference_network(reference, kind, tmp_path))
    assert_agrees(fused, reference, kind)
    assert not [n for n in fused.state_dict() if ".bn." in n or ".ia." in n or ".im." in n]


def test_deploying_leaves_the_original_as_it_was() -> None:
    network = build_network("yolov7-tiny", classes=3, width=0.25).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    deploy(network)
    assert network.training and all(p.requires_grad for p in network.parameters())
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_anchors_and_strides_are_the_published_ones(reference: Path) -> None:
    facts, network = described(reference, "training"), build_network("yolov7-tiny")
    assert network.anchors.reshape(3, 6).tolist() == facts["anchors"]
    assert list(network.strides) == facts["strides"]


@pytest.mark.parametrize("width", [0.25, 0.5, 0.3])
def test_width_scales_channels_up_to_multiples_of_eight(width: float) -> None:
    full, narrow = build_network("yolov7-tiny"), build_network("yolov7-tiny", width=width)
    names = [name for name in full.state_dict() if name.endswith("conv.weight")]
    for name in names:
        wide, thin = (len(net.state_dict()[name]) for net in (full, narrow))
        assert thin % 8 == 0 and 0 <= thin - wide * width < 8


def test_an_untrained_network_expects_eight_objects_in_a_picture_of_640() -> None:
    network = build_network("yolov7-tiny", classes=3, width=0.25).eval()
    biases = [head_bias(network, layer) for layer in range(3)]
    expected = [
        float(bias[:, 4].sigmoid().mean()) * (640 // stride) ** 2
        for bias, stride in zip(biases, network.strides, strict=True)
    ]
    assert expected == pytest.approx([8, 8, 8], rel=0.05)


def head_bias(network: Network, layer: int) -> Tensor:
    bias: Tensor = network.state_dict()[f"model.77.m.{layer}.bias"]
    return bias.view(3, -1)


def test_heads_are_shaped_by_anchor_and_cell_for_any_size() -> None:
    network = build_network("yolov7-tiny", classes=3, width=0.25).eval()
    with torch.no_grad():
        heads = network(torch.zeros(2, 3, 64, 96))
    assert shapes(heads) == [(2, 3, 8, 12, 8), (2, 3, 4, 6, 8), (2, 3, 2, 3, 8)]
    assert network.decode(heads).shape == (2, 3 * (96 + 24 + 6), 8)


def shapes(tensors: Sequence[Tensor]) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in tensors]


def test_every_parameter_learns() -> None:
    network = build_network("yolov7-tiny", classes=3, width=0.25).train()
    loss = sum((head**2).sum() for head in network(torch.rand(2, 3, 64, 64)))
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    assert not [name for name, p in network.named_parameters() if p.grad is None]


def test_an_unknown_network_is_refused_with_the_known_names() -> None:
    with pytest.raises(ModelError, match=r"unknown network 'yolov9'.*yolov7-tiny"):
        build_network("yolov9")
