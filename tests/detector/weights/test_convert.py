"""Weights are exported once, found by their hash, and exported again if damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from detector.engines import make_engine
from detector.errors import ModelError
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.weights.convert import converted
from detector.weights.torch_networks import save_weights
from detector.yolov7.network import build_network


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small weights file, and an empty cache."""
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(1)
    path = tmp_path / "best.safetensors"
    network = build_network("yolov7-tiny", classes=2, width=0.02)
    save_weights(network, path, class_names=("cat", "dog"), size=(64, 96))
    return path


def test_weights_are_exported_once_at_the_size_of_their_training(
    weights: Path, tmp_path: Path
) -> None:
    model = converted(weights)
    assert model.is_relative_to(tmp_path / "cache" / "models") and model.name == "best.onnx"
    manifest = Manifest.beside(model)
    manifest.verify(model)
    assert (manifest.classes, manifest.input_size) == (("cat", "dog"), (64, 96))
    assert manifest.weights_sha256 == sha256_of(weights)
    assert model.with_suffix(".safetensors").read_bytes() == weights.read_bytes()
    written = model.stat().st_mtime_ns
    assert converted(weights) == model and model.stat().st_mtime_ns == written


def test_an_official_checkpoint_is_converted_for_the_torch_engine_too(
    weights: Path, reference: Path
) -> None:
    model = converted(reference / "official_yolov7-tiny_w0.25.pt", (64, 96))
    engine = make_engine("torch", model, slots=1, device="cpu", precision="fp32")
    found = engine.submit(np.zeros((1, 64, 96, 3), np.uint8)).result()
    engine.close()
    reader = make_engine("openvino", model, slots=1, precision="fp32")
    expected = reader.submit(np.zeros((1, 64, 96, 3), np.uint8)).result()
    reader.close()
    assert np.allclose(found.scores, expected.scores, atol=1e-3)


def test_other_weights_and_other_sizes_give_other_models(weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "best.safetensors"
    network = build_network("yolov7-tiny", classes=2, width=0.02)
    save_weights(network, other, class_names=("cat", "dog"), size=(64, 96))
    models = [converted(weights), converted(other), converted(weights, (96, 96))]
    assert len(set(models)) == 3
    assert Manifest.beside(models[2]).input_size == (96, 96)


def test_a_damaged_model_is_exported_again(weights: Path) -> None:
    model = converted(weights)
    content, manifest = model.read_bytes(), manifest_path(model)
    described = json.loads(manifest.read_text())
    for damage in (
        lambda: model.write_bytes(content[:-1]),
        manifest.unlink,
        model.with_suffix(".safetensors").unlink,
        lambda: manifest.write_text(json.dumps({**described, "of_another_version": 1})),
    ):
        damage()
        assert converted(weights) == model
        assert model.read_bytes() == content
        Manifest.beside(model).verify(model)


def test_a_size_that_does_not_fit_is_refused_and_leaves_no_model(weights: Path) -> None:
    with pytest.raises(ModelError, match="for example 96 x 96"):
        converted(weights, (100, 100))
    assert not list(weights.parent.glob("cache/**/*.onnx"))


def test_weights_that_cannot_be_read_are_refused(weights: Path) -> None:
    for name in ("broken.pt", "broken.safetensors"):
        path = weights.with_name(name)
        path.write_bytes(b"broken")
        with pytest.raises(ModelError, match=f"{name}' is not"):
            converted(path)
