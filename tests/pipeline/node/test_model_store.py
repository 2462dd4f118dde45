"""What is sent to a node of a model, and what is there when a part of it is missing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from detector.errors import FramelaneError
from detector.export.precisions import find_int8, int8_path
from detector.manifest import Manifest, manifest_path
from detector.weights.zoo import find_model
from pipeline.node.model_store import ModelStore, hashes, parts


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a model of the user's own, with a file beside it that passes for its INT8 model."""
    own = tmp_path / "own [1].onnx"
    bundled = find_model("street")
    manifest = Manifest.beside(bundled)
    int8 = int8_path(own, "tensorrt")
    for path in (own, int8):
        shutil.copy(bundled, path)
    manifest.write(manifest_path(own))
    quantised = replace(manifest, precision="int8", source_sha256=manifest.onnx_sha256)
    quantised.write(manifest_path(int8))
    return own


def test_a_node_gets_the_model_with_its_int8_model(model: Path, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "node")
    assert store.find(hashes(model)) is None
    for part in parts(model):
        store.receive(part)
    there = store.find(hashes(model))
    assert there and there.read_bytes() == model.read_bytes()
    found = find_int8(there, "tensorrt")
    assert found and found.read_bytes() == int8_path(model, "tensorrt").read_bytes()


def test_a_model_without_its_newest_int8_model_is_not_there(model: Path, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "node")
    for part in parts(model):
        store.receive(part)
    changed = manifest_path(int8_path(model, "tensorrt"))
    replace(Manifest.read(changed), score_odds=1.5).write(changed)
    assert store.find(hashes(model)) is None


def test_a_damaged_part_is_refused_and_the_model_is_not_there(model: Path, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "node")
    first = next(parts(model))
    with pytest.raises(FramelaneError, match=r"'own \[1\]\.onnx' arrived damaged: send it again"):
        store.receive({**first, "last": True})
    assert store.find(hashes(model)) is None
