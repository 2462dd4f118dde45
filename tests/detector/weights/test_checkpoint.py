"""Weights are loaded as they were saved, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from detector.errors import ModelError
from detector.weights.checkpoint import WeightsInfo
from detector.weights.torch_networks import load_weights, save_weights
from detector.yolov7.description import Form
from detector.yolov7.network import Network, build_network

NAMES = ("person", "bicycle", "car")


@pytest.fixture(scope="module")
def network() -> Network:
    """A small network with random weights."""
    torch.manual_seed(1)
    network = build_network("yolov7-tiny", classes=3, width=0.125)
    network.train()(torch.rand(2, 3, 64, 64))  # changes the running statistics
    return network


@pytest.fixture
def saved(network: Network, tmp_path: Path) -> Path:
    """The weights file of that network."""
    path = tmp_path / "weights" / "best.safetensors"
    save_weights(network, path, class_names=NAMES, size=(256, 448), notes={"epoch": "7"})
    return path


def rewritten(path: Path, header: dict[str, str], drop: str = "") -> Path:
    tensors = {name: value for name, value in load_file(path).items() if name != drop}
    save_file(tensors, path, metadata=header)
    return path


def header_of(path: Path) -> dict[str, object]:
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")  # the format's own definition
    described = json.loads(json.loads(raw[8 : 8 + length])["__metadata__"]["framelane"])
    assert isinstance(described, dict)
    return described


def test_weights_and_their_header_are_loaded_as_saved(network: Network, saved: Path) -> None:
    loaded, info = load_weights(saved)
    assert info == WeightsInfo("yolov7-tiny", NAMES, 0.125, (256, 448), {"epoch": "7"})
    before, after = network.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_file_from_before_there_were_two_forms_is_of_the_training_form(
    network: Network, saved: Path
) -> None:
    header = header_of(saved)
    assert header.pop("form") == "training"
    loaded, info = load_weights(rewritten(saved, {"framelane": json.dumps(header)}))
    assert info.form == "training" and loaded.state_dict().keys() == network.state_dict().keys()


@pytest.mark.parametrize("form", ["training", "deployed"])
def test_a_network_with_auxiliary_heads_comes_back_in_the_form_that_was_saved(
    form: Form, tmp_path: Path
) -> None:
    network = build_network("yolov7-w6", classes=3, width=0.03, form=form)
    path = tmp_path / "w6.safetensors"
    save_weights(network, path, class_names=NAMES, size=(64, 64))
    loaded, info = load_weights(path)
    assert info.form == form == loaded.description.form
    before, after = network.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_file_is_plain_safetensors_with_the_official_names(
    network: Network, saved: Path
) -> None:
    assert load_file(saved).keys() == network.state_dict().keys()
    assert header_of(saved)["class_names"] == list(NAMES)


def test_saving_again_replaces_the_file_and_leaves_nothing_else(
    network: Network, saved: Path
) -> None:
    save_weights(network, saved, class_names=NAMES, size=(64, 64))
    assert load_weights(saved)[1].size == (64, 64)
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(
    network: Network, saved: Path
) -> None:
    before = saved.read_bytes()
    with pytest.raises(TypeError):
        save_weights(network, saved, class_names=(b"a", "b", "c"), size=(64, 64))  # type: ignore[arg-type]
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no weights file '.*best\.safetensors'"):
        load_weights(tmp_path / "best.safetensors")


@pytest.mark.parametrize("keep", [0, 7, 100, 5000, -1])
def test_a_damaged_file_is_refused(keep: int, saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ModelError, match="is not a safetensors file, or it is damaged"):
        load_weights(saved)


def test_a_file_of_another_program_is_refused(saved: Path) -> None:
    with pytest.raises(ModelError, match="not the header of our weights files"):
        load_weights(rewritten(saved, {}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "framelane-weights-9"),
        ("size", [640]),
        ("width", "wide"),
        ("class_names", None),
        ("form", "folded"),
    ],
)
def test_a_wrong_header_is_refused(key: str, value: object, saved: Path) -> None:
    header = {**header_of(saved), key: value}
    with pytest.raises(ModelError, match="not the header of our weights files"):
        load_weights(rewritten(saved, {"framelane": json.dumps(header)}))


def test_an_unknown_network_is_refused(saved: Path) -> None:
    header = {**header_of(saved), "variant": "yolov9"}
    with pytest.raises(ModelError, match="unknown network 'yolov9'"):
        load_weights(rewritten(saved, {"framelane": json.dumps(header)}))


def test_tensors_of_another_shape_are_refused_with_the_first_that_differs(saved: Path) -> None:
    header = {**header_of(saved), "width": 0.5}
    with pytest.raises(ModelError, match=r"not those of yolov7-tiny at width 0\.5.*model\.0\."):
        load_weights(rewritten(saved, {"framelane": json.dumps(header)}))


def test_a_missing_tensor_is_refused_by_name(saved: Path) -> None:
    header = {"framelane": json.dumps(header_of(saved))}
    with pytest.raises(ModelError, match=r"model\.5\.conv\.weight is missing"):
        load_weights(rewritten(saved, header, drop="model.5.conv.weight"))
