"""`python -m detector build` makes an engine of a model, and compares it with its reference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner, Result

from detector.__main__ import main
from detector.acceptance.sample_images import BUNDLED, read_images
from detector.export.onnx_export import export_model
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.tolerance import Tolerance
from detector.weights.torch_networks import save_weights
from tests.support.random_network import random_network

SIZE, CLASSES = (96, 160), ("a", "b", "c")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose weights lie beside it."""
    network = random_network("yolov7-tiny", read_images(BUNDLED, SIZE, 4), classes=3, width=0.02)
    path = tmp_path_factory.mktemp("made") / "small.onnx"
    weights = path.with_suffix(".safetensors")
    save_weights(network, weights, class_names=CLASSES, size=SIZE)
    export_model(
        network.weights(), path, class_names=CLASSES, size=SIZE, weights_sha256=sha256_of(weights)
    )
    return path


@pytest.fixture
def model(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, and an empty cache."""
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
    copytree(made.parent, tmp_path / "model")
    return tmp_path / "model" / "small.onnx"


def build(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["build", *map(str, arguments)])


def test_an_engine_is_compared_with_its_reference(model: Path) -> None:
    ended = build(model, "--engine", "torch", "--device", "cpu", "--precision", "fp32")
    assert ended.exit_code == 0, ended.output
    assert f"{model}: torch in fp32; 100.0% of " in ended.stdout
    assert "detections agree with the reference, boxes to 0.0" in ended.stdout
    assert "comparing the engine with its reference" in ended.stderr


def test_the_reference_is_not_compared_with_itself(model: Path) -> None:
    ended = build(model, "--engine", "openvino", "--precision", "fp32")
    assert ended.stdout == f"{model}: openvino in fp32; it is the reference itself\n"


def test_weights_are_exported_first(model: Path) -> None:
    ended = build(model.with_suffix(".safetensors"), "--engine", "openvino", "--precision", "fp32")
    assert ended.exit_code == 0 and "exporting " in ended.stderr
    assert "small.onnx: openvino in fp32" in ended.stdout


def test_an_engine_that_drifts_is_refused_with_the_numbers(model: Path) -> None:
    strict = {"fp32": Tolerance(pixels=1e-9, score=1e-9, share=1.0)}
    replace(Manifest.beside(model), tolerance=strict).write(manifest_path(model))
    ended = build(model, "--engine", "torch", "--device", "cpu", "--precision", "fp32")
    assert ended.exit_code == 2 and ended.stdout == ""
    assert "is refused: " in ended.stderr and "100.0% must" in ended.stderr


def test_options_that_do_not_fit_are_refused(model: Path) -> None:
    batch = build(model, "--engine", "openvino", "--batch", 4)
    assert batch.exit_code == 2 and "--batch is for tensorrt, and the engine is" in batch.stderr
    precision = build(model, "--engine", "openvino", "--precision", "int4")
    assert precision.exit_code == 2 and "unknown precision 'int4'" in precision.stderr
