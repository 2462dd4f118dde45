"""Weights of other classes are loaded as far as they fit, and frozen layers do not change."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detector.errors import UsageError
from detector.weights.torch_networks import load_official, save_weights
from detector.yolov7.network import Network, build_network
from trainer.optim.transfer import freeze, freeze_auxiliary, transfer

HEAD = [f"model.77.{part}" for part in ("m.{}.weight", "m.{}.bias", "im.{}.implicit")]


def tiny(classes: int, width: float = 0.125) -> Network:
    return build_network("yolov7-tiny", classes=classes, width=width)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the weights of a network for two classes."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "two.safetensors"
    save_weights(tiny(2), path, class_names=("a", "b"), size=(64, 64))
    return path


def test_with_other_classes_all_but_the_last_convolutions_are_loaded(weights: Path) -> None:
    torch.manual_seed(2)
    network, fresh = tiny(5), tiny(5)
    fresh.load_state_dict(network.state_dict())
    missing = transfer(weights, network)
    assert sorted(missing) == sorted(name.format(layer) for name in HEAD for layer in range(3))
    torch.manual_seed(1)
    source = tiny(2).state_dict()
    for name, value in network.state_dict().items():
        expected = fresh.state_dict()[name] if name in missing else source[name]
        torch.testing.assert_close(value, expected, rtol=0, atol=0)


def test_with_the_same_classes_all_weights_are_loaded(weights: Path) -> None:
    assert transfer(weights, tiny(2)) == []


def test_weights_of_another_width_are_refused(weights: Path) -> None:
    with pytest.raises(UsageError, match=r"holds yolov7-tiny at width 0.125, .* at width 0.25"):
        transfer(weights, tiny(2, width=0.25))


def test_an_official_checkpoint_is_fine_tuned_from(reference: Path) -> None:
    path = reference / "official_yolov7-tiny_w0.25.pt"
    source, info = load_official(path)
    network = tiny(2, width=0.25)
    missing = transfer(path, network)
    assert sorted(missing) == sorted(name.format(layer) for name in HEAD for layer in range(3))
    for name, value in network.state_dict().items():
        if name not in missing:
            torch.testing.assert_close(value, source.state_dict()[name], rtol=0, atol=0)
    assert transfer(path, tiny(len(info.class_names), width=0.25)) == []


def test_frozen_rows_do_not_move_in_a_step() -> None:
    network = tiny(2)
    freeze(network, 30)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    heads = network(torch.rand(2, 3, 64, 64))
    torch.stack([head.square().mean() for head in heads]).sum().backward()  # type: ignore[no-untyped-call]
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    moved = {
        int(name.split(".")[1])
        for name, value in network.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert min(moved) == 30 and 77 in moved


def test_freezing_everything_is_refused() -> None:
    with pytest.raises(UsageError, match=r"freeze: 78 given, but yolov7-tiny has 78 rows"):
        freeze(tiny(2), 78)


def test_without_auxiliary_heads_only_rows_that_lead_heads_need_are_trained() -> None:
    network = build_network("yolov7-w6", classes=2, width=0.03)
    freeze_auxiliary(network)
    for head in network(torch.rand(2, 3, 64, 64))[:4]:
        head.sum().backward(retain_graph=True)
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
