"""Models of foreign files are quantised, and pass the gate, as our own do."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from detector.acceptance.gate import open_accepted, open_reference
from detector.acceptance.sample_images import BUNDLED, read_images
from detector.detections import UInt8Array
from detector.export.adapters.adapt import adapt_model
from detector.export.precisions import int8_path
from detector.int8.quantize import quantise
from detector.manifest import Manifest
from tests.support.descriptions import small
from tests.support.graphs import raw_file
from tests.support.random_network import random_network

SIZE = (96, 160)


def samples() -> UInt8Array:
    """Return 16 images: the bundled ones, each in four variants."""
    images = read_images(BUNDLED, SIZE, 4)
    return np.concatenate([images, images[:, :, ::-1], images[:, ::-1], 255 - images])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a YOLOv7 as PyTorch exports it, with its INT8 models beside it."""
    folder = tmp_path_factory.mktemp("adapted")
    network = random_network(small(folder), samples(), classes=3)
    raw = raw_file(network, folder / "raw.onnx", size=SIZE, axes="open batch")
    adapt_model(raw, folder / "model.onnx")
    quantise(folder / "model.onnx", samples(), lambda _share, _what: None)
    return folder / "model.onnx"


@pytest.mark.parametrize("runtime", ["openvino", "tensorrt"])
def test_int8_models_of_an_adapted_model_agree_with_it(runtime: str, model: Path) -> None:
    manifest = Manifest.beside(int8_path(model, runtime))
    assert manifest.source_sha256 == Manifest.beside(model).onnx_sha256
    assert manifest.accuracy["agreement/share"] > 0.85
    with (
        closing(open_reference(model)) as floats,
        closing(open_reference(int8_path(model, runtime))) as int8,
    ):
        for image in samples()[-2:]:
            best, quantised = (
                engine.submit(image[None]).result().scores[0].max() for engine in (floats, int8)
            )
            assert best == pytest.approx(quantised, abs=0.1)


def test_the_gate_accepts_the_engine_of_an_adapted_model(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path))
    accepted = open_accepted("openvino", model, precision="int8", threads=1)
    accepted.engine.close()
    assert accepted.engine.precision == "int8" and accepted.agreement is not None
