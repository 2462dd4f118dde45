"""The networks equal the original YOLOv7 family: same names, same counts, same numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from detector.errors import ModelError
from detector.yolov7.description import Form, network_names, read_description
from detector.yolov7.network import Network, build_network, deploy
from tests.support.descriptions import FAMILY
from tests.support.weights import COUNTS_AND_ANCHORS, reference_weights

WITH_AUXILIARY_HEADS = ("yolov7-w6", "yolov7-e6", "yolov7-d6", "yolov7-e6e")


@dataclass(frozen=True, slots=True)
class Original:
    """A network with the weights of one reference, and the original's outputs for them."""

    network: Network
    facts: dict[str, Any]
    values: dict[str, Any]

    def images(self) -> Tensor:
        """The image of the reference."""
        size = self.facts["input_size"]
        r = np.random.default_rng(self.facts["input_seed"])
        return torch.from_numpy(r.uniform(0, 1, (1, 3, size, size)).astype(np.float32))


def original(
    reference: Path, variant: str, form: Form, made: dict[str, dict[str, Tensor]]
) -> Original:
    """Build one form with its weights; `made` keeps tensors by prefix for the other form."""
    stem = f"{variant}.{'deploy' if form == 'deployed' else form}"
    facts = json.loads((reference / f"{stem}.json").read_text())
    with torch.device("meta"):  # random weights would be replaced at once
        network = build_network(variant, classes=facts["nc"], form=form).eval()
    narrow = build_network(variant, classes=facts["nc"], form=form, width=0.01).state_dict()
    known = made.setdefault(facts["weight_seed_prefix"], {})
    known.update({n: value for n, value in narrow.items() if n.endswith(COUNTS_AND_ANCHORS)})
    state = reference_weights(network, facts["weight_seed_prefix"], known)
    network.load_state_dict(state, assign=True)  # both forms share their common tensors
    known.update(state)
    return Original(network, facts, dict(np.load(reference / f"{stem}.npz")))


@pytest.fixture(scope="module", params=FAMILY)
def originals(request: pytest.FixtureRequest, reference: Path) -> dict[str, Original]:
    """Both forms of one variant, at full width; one variant is in memory at a time."""
    made: dict[str, dict[str, Tensor]] = {}
    variant = request.param
    return {form: original(reference, variant, form, made) for form in FAMILY[variant]}


@torch.no_grad()
def assert_agrees(network: Network, expected: Original) -> None:
    heads = network(expected.images())
    outputs = {f"head{i}": head for i, head in enumerate(heads)}
    outputs["decoded"] = network.decode(heads)
    assert {f"{name}_val" for name in outputs} == {n for n in expected.values if "_val" in n}
    for name, output in outputs.items():
        values = expected.values[f"{name}_val"]
        assert list(output.shape) == expected.values[f"{name}_shape"].tolist()
        error = np.abs(output.numpy().ravel()[expected.values[f"{name}_idx"]] - values).max()
        assert error <= 1e-4 * np.abs(values).max(), f"{name}: {error}"


def test_parameters_and_buffers_have_the_official_names_and_shapes(
    originals: dict[str, Original],
) -> None:
    for each in originals.values():
        network, facts = each.network, each.facts
        assert {n: list(p.shape) for n, p in network.named_parameters()} == facts["parameters"]
        assert {n: list(b.shape) for n, b in network.named_buffers()} == facts["buffers"]
        assert sum(p.numel() for p in network.parameters()) == facts["n_parameters"]
        assert set(network.state_dict()) == {*facts["parameters"], *facts["buffers"]}


def test_raw_heads_and_decoded_boxes_equal_the_originals(originals: dict[str, Original]) -> None:
    for each in originals.values():
        assert_agrees(each.network, each)


def test_deploying_folds_everything_and_changes_no_number(
    originals: dict[str, Original],
) -> None:
    first = next(iter(originals.values()))  # the training form, if it has a reference
    fused = deploy(first.network)
    assert_agrees(fused, first)
    assert fused.folded and not first.network.folded
    folded_away = (".bn.", ".ia.", ".im.", ".m2.", ".rbr_dense.", ".rbr_1x1.")
    assert not [n for n in fused.state_dict() if any(part in n for part in folded_away)]


def test_anchors_and_strides_are_the_published_ones(originals: dict[str, Original]) -> None:
    for each in originals.values():
        anchors = each.network.anchors
        assert anchors.reshape(len(anchors), 6).tolist() == each.facts["anchors"]
        assert list(each.network.strides) == each.facts["strides"]


def test_the_family_is_complete() -> None:
    assert set(network_names()) >= set(FAMILY)


def test_tiny_with_silu_differs_from_tiny_only_in_the_activation() -> None:
    leaky, silu = read_description("yolov7-tiny"), read_description("yolov7-tiny-silu")
    assert (leaky.rows, leaky.anchors) == (silu.rows, silu.anchors)
    assert (leaky.activation, silu.activation) == ("leaky_relu", "silu")


@pytest.mark.parametrize("variant", network_names())
def test_any_number_of_classes_and_any_width_gives_heads_of_that_shape(variant: str) -> None:
    network = build_network(variant, classes=7, width=0.1).eval()
    with torch.no_grad():
        heads = network(torch.zeros(2, 3, 64, 128))
    grids = [(64 // stride, 128 // stride) for stride in network.strides]
    assert shapes(heads) == [(2, 3, h, w, 12) for h, w in grids]
    assert network.decode(heads).shape == (2, sum(3 * h * w for h, w in grids), 12)


def small(variant: str) -> Network:
    """Build a network with 8 channels in nearly all layers."""
    return build_network(variant, classes=3, width=0.03)


@pytest.mark.parametrize("variant", network_names())
def test_every_parameter_gets_a_gradient(variant: str) -> None:
    network = small(variant).train()
    loss = sum((head**2).sum() for head in network(torch.rand(2, 3, 128, 128)))
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    assert not [name for name, p in network.named_parameters() if p.grad is None]


@pytest.mark.parametrize("variant", WITH_AUXILIARY_HEADS)
def test_training_returns_the_lead_heads_and_then_as_many_auxiliary_ones(variant: str) -> None:
    network = small(variant)
    images = torch.rand(2, 3, 128, 128)
    with torch.no_grad():
        lead = network.eval()(images)
        for part in network.modules():
            part.training = part is network  # batch normalisation still uses its running statistics
        features = outputs_of(network, network.description.rows[-1].inputs)
        both = network(images)
    assert len(lead) == 4 and len(both) == 8
    assert all(torch.equal(*pair) for pair in zip(lead, both[:4], strict=True))
    for i, head in enumerate(both[4:]):
        weight, bias = (network.head.get_parameter(f"m2.{i}.{name}") for name in ("weight", "bias"))
        plain = nn.functional.conv2d(features[4 + i], weight, bias)  # no implicit knowledge
        n, _, h, w = plain.shape
        torch.testing.assert_close(head, plain.view(n, 3, 8, h, w).permute(0, 1, 3, 4, 2))


def outputs_of(network: Network, rows: Sequence[int]) -> list[Tensor]:
    """Return a list that collects the outputs of the given rows."""
    seen: list[Tensor] = []
    for row in rows:
        network.model[row].register_forward_hook(lambda _, __, output: seen.append(output))
    return seen


def test_auxiliary_rows_are_not_computed_in_evaluation() -> None:
    network = small("yolov7-w6").eval()
    auxiliary = outputs_of(network, [118, 119, 120, 121])  # as in the original's graph
    with torch.no_grad():
        network(torch.rand(1, 3, 64, 64))
        assert not auxiliary
        network.train()(torch.rand(2, 3, 128, 128))
    assert len(auxiliary) == 4


def test_deploying_does_not_change_the_original() -> None:
    network = small("yolov7").train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    deploy(network)
    assert network.training and all(p.requires_grad for p in network.parameters())
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("width", [0.25, 0.5, 0.3])
def test_width_scales_channels_up_to_multiples_of_eight(width: float) -> None:
    full, narrow = build_network("yolov7-tiny"), build_network("yolov7-tiny", width=width)
    names = [name for name in full.state_dict() if name.endswith("conv.weight")]
    for name in names:
        wide, thin = (len(net.state_dict()[name]) for net in (full, narrow))
        assert thin % 8 == 0 and 0 <= thin - wide * width < 8


def shapes(tensors: Sequence[Tensor]) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in tensors]


def test_an_unknown_network_is_refused_with_the_known_names() -> None:
    with pytest.raises(ModelError, match=r"unknown network 'yolov9'.*yolov7-tiny"):
        build_network("yolov9")
