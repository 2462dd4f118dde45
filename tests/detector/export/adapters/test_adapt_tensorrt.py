"""Models of foreign files build in TensorRT-RTX, without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.engines.tensorrt_api import TensorRt
from detector.engines.tensorrt_build import build_plan
from detector.errors import ModelError
from detector.export.adapters.adapt import adapt_model
from tests.support.foreign_graphs import Form, write_foreign


@pytest.fixture
def rtx(tensorrt: TensorRt) -> TensorRt:
    """TensorRT-RTX, which builds without a GPU."""
    if not tensorrt.is_rtx:
        pytest.skip(f"{tensorrt.name} is installed, which cannot build without a GPU")
    return tensorrt


def build(head: str, form: Form, folder: Path, tensorrt: TensorRt) -> bytes:
    raw = write_foreign(head, folder / "raw.onnx", form)
    manifest = adapt_model(raw, folder / "model.onnx")
    plan = build_plan(folder / "model.onnx", manifest, tensorrt, capabilities=("8.6",))
    assert plan.warnings == ()
    return plan.content


@pytest.mark.parametrize("form", [Form(), Form(batch=2, half=True)], ids=["open", "float16"])
@pytest.mark.parametrize("head", ["YOLOX", "columns", "counted", "scaled", "plugin"])
def test_an_adapted_model_builds(head: str, form: Form, rtx: TensorRt, tmp_path: Path) -> None:
    assert build(head, form, tmp_path, rtx)


def test_a_graph_with_onnx_nms_does_not_build_in_rtx(rtx: TensorRt, tmp_path: Path) -> None:
    """docs/foreign.md says so; where a newer version can build it, that sentence goes."""
    with pytest.raises(ModelError, match="cannot build"):
        build("seven", Form(), tmp_path, rtx)
