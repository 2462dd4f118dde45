"""The doctor says what is here, and only that; what follows from it follows from a description."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from typing import Any

import openvino as ov
import pytest
from click.testing import CliRunner

from detector.__main__ import main
from detector.commands.doctor import advice, as_data, as_text, use
from detector.commands.machine import Machine
from detector.engines.auto import NO_GPU
from detector.hardware.cuda_driver import Gpu

ADA = Gpu(0, "NVIDIA GeForce RTX 4090", (8, 9), 24 << 30, integrated=False)

PLAIN = Machine(
    system="Linux 6 x86_64",
    python="3.11.7",
    jetson=None,
    cpu="A CPU",
    cores=8,
    cpu_features=("avx2",),
    gpus=(),
    driver=None,
    cuda=None,
    packages={
        "av": "18",
        "openvino": "2026",
        "onnx": "1",
        "torch": "2",
        "pycuda": None,
        "nncf": "3",
    },
    tensorrt=None,
    obstacles=dict.fromkeys(("tensorrt", "torch"), NO_GPU),
    openvino_devices={"CPU": "A CPU (FP32, BF16, INT8)"},
    cards=(),
    conflicts={},
)
WITH_GPU = replace(
    PLAIN,
    gpus=(ADA,),
    driver="580.65.06",
    cuda="13.0",
    tensorrt="tensorrt 11.4.0.106",
    obstacles=dict.fromkeys(PLAIN.obstacles),
    cards=("NVIDIA",),
    conflicts={},
)


def doctor(*arguments: str) -> str:
    ended = CliRunner().invoke(main, ["doctor", *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_it_tells_what_is_in_this_very_machine() -> None:
    found = json.loads(doctor("--json"))
    lscpu = json.loads(subprocess.check_output(["lscpu", "--json"], text=True))
    told = {row["field"].strip(":"): row["data"] for row in lscpu["lscpu"]}
    flags = set(told["Flags"].split())
    assert set(found["cpu_features"]) <= flags and ("avx2" in flags) == (
        "avx2" in found["cpu_features"]
    )
    assert found["cpu"] == told["Model name"]
    assert found["cores"] == int(
        subprocess.check_output(["nproc"], env={})
    )  # it heeds OMP_NUM_THREADS
    assert set(found["openvino_devices"]) == set(ov.Core().available_devices)
    assert found["packages"]["openvino"] == ov.__version__.partition("-")[0]
    assert set(found) == set(as_data(PLAIN))


def test_the_text_has_what_is_here_what_is_used_and_what_would_help() -> None:
    lines = doctor().splitlines()
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles == ["here", "used for the fastest run", "for more"]


def test_without_a_gpu_openvino_runs_in_what_the_cpu_computes_in() -> None:
    assert use(PLAIN)["engine"].startswith("openvino on the CPU, in bf16")
    older = replace(PLAIN, openvino_devices={"CPU": "Old (FP32, INT8)"})
    assert use(older)["engine"] == (
        "openvino on the CPU, in fp32, or int8 where the model has a gated one"
    )
    assert list(advice(PLAIN)) == []


def test_with_a_gpu_tensorrt_runs_or_else_torch_and_the_reason_is_advice() -> None:
    assert use(WITH_GPU)["engine"] == ("tensorrt on NVIDIA GeForce RTX 4090 (tensorrt 11.4.0.106)")
    assert list(advice(WITH_GPU)) == []
    bare = replace(WITH_GPU, obstacles={**WITH_GPU.obstacles, "tensorrt": "no TensorRT"})
    assert use(bare)["engine"].startswith("torch on NVIDIA GeForce RTX 4090, in fp16")
    assert list(advice(bare)) == ["for TensorRT: no TensorRT"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cards": ("NVIDIA",)}, "there is an NVIDIA card, but its driver does not work"),
        ({"cards": ("Intel",)}, r"for OpenVINO on the Intel GPU: .* \(intel-opencl-icd\)"),
        ({"packages": {**PLAIN.packages, "torch": None}}, r"to train \(torch\)"),
        ({"packages": {**PLAIN.packages, "nncf": None}}, r"to make INT8 models \(nncf\)"),
    ],
)
def test_what_is_missing_is_advised(changes: dict[str, Any], said: str) -> None:
    (line,) = advice(replace(PLAIN, **changes))
    assert re.search(said, line)


def test_a_package_of_another_distribution_comes_first_in_the_advice() -> None:
    machine = replace(WITH_GPU, conflicts={"trackers": "trackers 2.6.0"})
    first = next(advice(machine))
    assert first.startswith("trackers 2.6.0 installs a package `trackers`, too")
    assert "uninstall trackers, or" in first and "pipx install framelane" in first


def test_the_text_names_every_gpu_and_its_driver() -> None:
    text = as_text(WITH_GPU)
    assert "NVIDIA GeForce RTX 4090, compute capability 8.9, 26 GB of its own" in text
    assert "580.65.06, for CUDA up to 13.0" in text
