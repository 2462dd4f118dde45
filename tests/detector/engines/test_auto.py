"""The engine of `engine: auto`, and why a runtime cannot be used."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from detector.engines.auto import (
    NO_GPU,
    choose_engine,
    gpu_for_frames,
    tensorrt_obstacle,
    torch_obstacle,
)
from detector.engines.tensorrt_api import TensorRt
from detector.errors import ModelError
from detector.hardware.cuda_driver import Gpu, find_gpus

ADA = Gpu(0, "NVIDIA GeForce RTX 4090", (8, 9), 24 << 30, integrated=False)
HOPPER = Gpu(0, "NVIDIA H200", (9, 0), 141 << 30, integrated=False)
RTX_KNOWS = SimpleNamespace(
    ComputeCapability=SimpleNamespace(__members__={"CURRENT": 1, "SM86": 2, "SM89": 3, "SM120": 4})
)


def rtx() -> TensorRt:
    return TensorRt("tensorrt-rtx", "1.7.1", RTX_KNOWS)


def no_tensorrt() -> TensorRt:
    raise ModelError("no TensorRT is installed: get one")


def test_tensorrt_needs_a_gpu_a_tensorrt_that_knows_it_and_pycuda() -> None:
    def obstacle(*gpus: Gpu, load: Any = rtx, pycuda: object = "there") -> str:
        return str(tensorrt_obstacle(gpus, load, lambda _: pycuda))

    assert obstacle() == NO_GPU
    assert obstacle(ADA, load=no_tensorrt) == "no TensorRT is installed: get one"
    assert obstacle(HOPPER) == (
        "tensorrt-rtx 1.7.1 supports compute capability 8.6, 8.9, 12.0, and NVIDIA H200 has 9.0: "
        "install tensorrt (docs/gpu.md)"
    )
    assert "pycuda is not installed" in obstacle(ADA, pycuda=None)
    assert obstacle(ADA) == "None"
    full = TensorRt("tensorrt", "11.4.0", SimpleNamespace())
    assert obstacle(HOPPER, load=lambda: full) == "None"


def test_torch_needs_a_gpu_and_a_build_for_it() -> None:
    def torch(cuda: str | None, available: bool) -> object:
        return SimpleNamespace(
            __version__="2.13.0",
            version=SimpleNamespace(cuda=cuda),
            cuda=SimpleNamespace(is_available=lambda: available),
        )

    def obstacle(*gpus: Gpu, module: object) -> str:
        return str(torch_obstacle(gpus, lambda _: module, lambda _: module))

    assert obstacle(module=torch("13.0", True)) == NO_GPU
    assert "torch is not installed" in obstacle(ADA, module=None)
    assert "torch 2.13.0, built for no CUDA, finds no GPU" in obstacle(
        ADA, module=torch(None, False)
    )
    assert obstacle(ADA, module=torch("13.0", True)) == "None"


def test_auto_takes_openvino_where_there_is_no_gpu(tmp_path: Path) -> None:
    if find_gpus():
        pytest.skip("there is a GPU here")
    assert choose_engine(tmp_path / "model.onnx") == "openvino"


@pytest.mark.parametrize(
    ("name", "options", "number"),
    [
        ("torch", {}, 0),
        ("torch", {"device": "cuda:1"}, 1),
        ("torch", {"device": "cuda:2"}, None),  # there are two
        ("torch", {"device": "cpu"}, None),
        ("tensorrt", {"device": "cuda"}, 0),
        ("tensorrt", {"device_frames": False}, None),
        ("openvino", {}, None),
        ("openvino", {"device": "gpu"}, None),
    ],
)
def test_an_engine_on_a_gpu_takes_frames_there(
    name: str, options: dict[str, Any], number: int | None
) -> None:
    gpus = [HOPPER, Gpu(1, "NVIDIA H200", (9, 0), 141 << 30, integrated=False)]
    assert gpu_for_frames(name, options, gpus) == number
    assert gpu_for_frames(name, options, []) is None
