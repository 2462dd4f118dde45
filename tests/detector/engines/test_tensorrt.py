"""The file that TensorRT builds from, and when it builds again; on a GPU simulated in numpy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from detector.engines.tensorrt import build, choose_file, plan_key
from detector.engines.tensorrt_api import TensorRt
from detector.errors import ModelError
from detector.export.onnx_export import export_model
from detector.export.precisions import int8_path
from detector.hardware.cuda_driver import Gpu
from detector.manifest import Manifest, manifest_path
from detector.yolov7.network import build_network
from tests.support.cuda_twin import CudaTwin

CLASSES = ("a", "b", "c")
LIBRARY = TensorRt("tensorrt", "10.3.0", None)
ORIN = Gpu(0, "Orin", (8, 7), 8 << 30, integrated=True)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model, and an empty cache."""
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "small.onnx"
    network = build_network("yolov7-tiny", classes=3, width=0.125)
    export_model(network.weights(), path, class_names=CLASSES, size=(64, 64))
    return path


def quantised(model: Path) -> Path:
    """Put a stand-in for an INT8 model beside it: the same file under that name."""
    path = int8_path(model, "tensorrt")
    path.write_bytes(model.read_bytes())
    manifest = Manifest.beside(model)
    source = manifest.onnx_sha256
    replace(manifest, precision="int8", source_sha256=source).write(manifest_path(path))
    return path


def test_a_model_is_run_in_half_precision_unless_there_is_an_int8_one(model: Path) -> None:
    half, manifest = choose_file(model, "auto")
    assert manifest.precision == "fp16" and half.stat().st_size < 0.7 * model.stat().st_size
    assert manifest.source_sha256 == Manifest.beside(model).onnx_sha256
    int8 = quantised(model)
    assert choose_file(model, "auto") == (int8, Manifest.beside(int8))
    assert choose_file(model, "fp16") == (half, manifest)


def test_the_precision_can_be_chosen(model: Path) -> None:
    assert choose_file(model, "fp32") == (model, Manifest.beside(model))
    assert choose_file(quantised(model), "int8")[1].precision == "int8"
    assert choose_file(model, "int8")[0] == int8_path(model, "tensorrt")


def test_a_model_that_is_not_in_fp32_keeps_its_precision(model: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.onnx"
    network = build_network("yolov7-tiny", classes=3, width=0.125)
    export_model(network.weights(), half, class_names=CLASSES, size=(64, 64), precision="fp16")
    assert choose_file(half, "auto") == (half, Manifest.beside(half))
    with pytest.raises(ModelError, match="is a model in fp16: leave precision out, not fp32"):
        choose_file(half, "fp32")


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        ("int4", "unknown precision 'int4': choose one of auto, fp32, fp16, int8"),
        ("int8", "no INT8 model of '.*' for tensorrt"),
    ],
)
def test_an_unavailable_precision_is_refused(model: Path, precision: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        choose_file(model, precision)


def test_each_thing_a_plan_depends_on_changes_its_key(model: Path) -> None:
    manifest = Manifest.beside(model)
    keys = [
        plan_key(manifest, LIBRARY, ORIN, 1),
        plan_key(manifest, LIBRARY, ORIN, 2),
        plan_key(manifest, replace(LIBRARY, version="10.4.0"), ORIN, 1),
        plan_key(manifest, replace(LIBRARY, name="tensorrt-rtx"), ORIN, 1),
        plan_key(manifest, LIBRARY, replace(ORIN, name="Thor"), 1),
        plan_key(manifest, LIBRARY, replace(ORIN, capability=(11, 0)), 1),
        plan_key(replace(manifest, onnx_sha256="f" * 64), LIBRARY, ORIN, 1),
        plan_key(replace(manifest, precision="fp16"), LIBRARY, ORIN, 1),
        plan_key(replace(manifest, max_batch=4), LIBRARY, ORIN, 1),
        plan_key(replace(manifest, dynamic_batch=False), LIBRARY, ORIN, 1),
        plan_key(replace(manifest, input_size=(64, 96)), LIBRARY, ORIN, 1),
    ]
    assert len({key.name for key in keys}) == len(keys)


def test_a_plan_is_built_once_and_then_cached(tensorrt: TensorRt, model: Path) -> None:
    if not tensorrt.is_rtx:
        pytest.skip(f"{tensorrt.name} is installed, and cannot build without a GPU")
    cuda = CudaTwin()
    file, manifest = choose_file(model, "auto")
    key = plan_key(manifest, tensorrt, cuda.gpu, 1)
    first = build(file, manifest, tensorrt, cuda, key)
    second = build(file, manifest, tensorrt, cuda, key)
    assert (first.built, second.built) == (True, False) and first.path == second.path
    assert first.notes == {"warnings": []}
    assert first.path.stat().st_size > file.stat().st_size
    assert cuda.held == [cuda]
