"""The torch engine computes the same as the exported model, from the weights alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.engines import make_engine
from detector.engines.torch import open_engine
from detector.errors import ModelError
from detector.export.onnx_export import export_model
from detector.manifest import Manifest, manifest_path, sha256_of
from detector.weights.torch_networks import save_weights
from detector.yolov7.network import build_network
from tests.support.weights import reference_weights

SIZE, CLASSES = (64, 96), ("a", "b", "c")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with its weights beside it."""
    network = build_network("yolov7-tiny", classes=3, width=0.125)
    network.load_state_dict(reference_weights(network, prefix=""))
    path = tmp_path_factory.mktemp("torch") / "small.onnx"
    weights = path.with_suffix(".safetensors")
    save_weights(network, weights, class_names=CLASSES, size=SIZE)
    digest = sha256_of(weights)
    export_model(network.weights(), path, class_names=CLASSES, size=SIZE, weights_sha256=digest)
    return path


def found_by(engine: str, model: Path, **options: str) -> Candidates:
    """Return the candidates of an engine for an image of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3), np.uint8)
    opened = make_engine(engine, model, **options)
    found = opened.submit(noise).result()
    opened.close()
    return found


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors"])
def test_it_agrees_with_openvino_on_the_exported_model(model: Path, suffix: str) -> None:
    expected = found_by("openvino", model, precision="fp32")
    found = found_by("torch", model.with_suffix(suffix), precision="fp32", device="cpu")
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=1e-2)


def test_in_half_precision_scores_stay_near_and_boxes_are_float32(model: Path) -> None:
    exact = found_by("torch", model, precision="fp32", device="cpu")
    half = found_by("torch", model, precision="bf16", device="cpu")
    np.testing.assert_allclose(half.scores.max(axis=2), exact.scores.max(axis=2), atol=0.05)
    fractions = half.boxes_xyxy[0] * 8 % 1  # bf16 could not represent 1/8 pixels there
    assert (fractions != 0).any()


def test_on_a_cpu_its_precision_is_that_of_openvino(model: Path) -> None:
    ours, openvino = open_engine(model, device="cpu"), make_engine("openvino", model)
    assert ours.precision == openvino.precision
    ours.close()
    openvino.close()


def test_the_manifest_of_weights_is_that_of_their_export(model: Path) -> None:
    ours = open_engine(model.with_suffix(".safetensors"), device="cpu").manifest
    exported = Manifest.beside(model)
    assert ours == replace(exported, onnx_sha256="0" * 64, tools={}, accuracy={})


def test_a_batch_gives_the_same_as_its_images_one_by_one(model: Path) -> None:
    engine = open_engine(model, device="cpu", precision="fp32")
    images = np.random.default_rng(1).integers(0, 256, (5, *SIZE, 3), np.uint8)
    together = engine.submit(images).result()
    for i, image in enumerate(images):
        alone = engine.submit(image[None]).result()
        np.testing.assert_allclose(together.scores[i], alone.scores[0], atol=1e-5)
    engine.close()


def test_a_model_without_its_weights_or_with_other_ones_is_refused(
    model: Path, tmp_path: Path
) -> None:
    lonely = tmp_path / "lonely.onnx"
    lonely.write_bytes(model.read_bytes())
    Manifest.beside(model).write(manifest_path(lonely))
    message = (
        "needs the weights that '.*lonely.onnx' was exported from, in 'lonely.safetensors' beside"
    )
    with pytest.raises(ModelError, match=message):
        open_engine(lonely)
    lonely.with_suffix(".safetensors").write_bytes(b"other weights")
    with pytest.raises(ModelError, match=message):
        open_engine(lonely)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slots": 0}, "slots is 0, must be 1 or more"),
        ({"precision": "int4"}, "unknown precision 'int4': choose one of auto, fp32, bf16, fp16"),
        ({"precision": "fp16", "device": "cpu"}, "a CPU computes in fp16 slower than in fp32"),
        ({"device": "tpu"}, "'tpu' is not a name of an NVIDIA GPU: give cuda, or cuda:1"),
        ({"device": "cuda:77"}, "no device 'cuda:77' for torch .*: choose cpu"),
    ],
)
def test_invalid_options_are_refused_with_the_valid_ones(
    model: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        open_engine(model, **options)  # type: ignore[arg-type]
