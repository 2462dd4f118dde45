"""The doctor says what is here, and only that; what follows from it follows from a description."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openvino as ov
import pytest
from click.testing import CliRunner

from detector.__main__ import main
from detector.commands.doctor import advice, as_data, as_text, use
from detector.commands.machine import (
    Machine,
    driver_version,
    graphics_cards,
    jetson_release,
    nvdec_obstacle,
    nvenc_obstacle,
)
from detector.engines.auto import NO_GPU, choose_engine, tensorrt_obstacle, torch_obstacle
from detector.engines.tensorrt_api import TensorRt
from detector.errors import ModelError
from detector.hardware.cpu import computes_bf16, cpu_flags, cpu_name
from detector.hardware.cuda_driver import Gpu, find_gpus

ADA = Gpu(0, "NVIDIA GeForce RTX 4090", (8, 9), 24 << 30, integrated=False)
HOPPER = Gpu(0, "NVIDIA H200", (9, 0), 141 << 30, integrated=False)
RTX_KNOWS = SimpleNamespace(
    ComputeCapability=SimpleNamespace(__members__={"CURRENT": 1, "SM86": 2, "SM89": 3, "SM120": 4})
)

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
    obstacles=dict.fromkeys(("tensorrt", "torch", "nvdec", "nvenc"), NO_GPU),
    openvino_devices={"CPU": "A CPU (FP32, BF16, INT8)"},
    ffmpeg="8.1",
    decoders=("h264",),
    encoders=("libx264",),
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
    assert found["cores"] == int(subprocess.check_output(["nproc"]))
    assert set(found["openvino_devices"]) == set(ov.Core().available_devices)
    assert found["packages"]["openvino"] == ov.__version__.partition("-")[0]
    assert {"h264", "hevc"} <= set(found["decoders"]) and "libx264" in found["encoders"]
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
        ({"packages": {**PLAIN.packages, "torch": None}}, r"to export and train \(torch\)"),
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


def test_the_text_names_every_gpu_and_its_codecs() -> None:
    text = as_text(WITH_GPU)
    assert "NVIDIA GeForce RTX 4090, compute capability 8.9, 26 GB of its own" in text
    assert "580.65.06, for CUDA up to 13.0" in text
    assert "NVENC        can be used" in text


# Files of other machines


@pytest.mark.parametrize(
    ("text", "release"),
    [
        (
            "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic",
            "L4T 36.4.3 (JetPack 6)",
        ),
        (
            "# R35 (release), REVISION: 6.1, GCID: 39721438, BOARD: t186ref",
            "L4T 35.6.1 (JetPack 5)",
        ),
        ("# R38 (release), REVISION: 2.0, GCID: 41844464", "L4T 38.2.0 (JetPack 7)"),
        ("something else", None),
    ],
)
def test_a_jetson_is_known_by_its_release_file(
    text: str, release: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "nv_tegra_release"
    path.write_text(text)
    assert jetson_release(path) == release
    assert jetson_release(tmp_path / "absent") is None


def test_the_version_of_the_driver_is_that_of_the_kernel_module(tmp_path: Path) -> None:
    path = tmp_path / "version"
    path.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n"
        "GCC version:  gcc version 13.3.0\n"
    )
    assert driver_version(path) == "580.65.06"
    path.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 2024\n")
    assert driver_version(path) == "535.183.01"
    assert driver_version(tmp_path / "absent") is None


def test_cards_are_found_on_the_bus_without_a_driver(tmp_path: Path) -> None:
    for number, (kind, vendor) in enumerate(
        [("0x030000", "0x8086"), ("0x020000", "0x8086"), ("0x030200", "0x10de"), ("0x03", "0x1a03")]
    ):
        device = tmp_path / f"0000:0{number}:00.0"
        device.mkdir()
        (device / "class").write_text(f"{kind}\n")
        (device / "vendor").write_text(f"{vendor}\n")
    assert graphics_cards(tmp_path) == ("Intel", "NVIDIA", "0x1a03")
    assert graphics_cards(tmp_path / "absent") == ()


def test_an_arm_cpu_tells_its_features_by_another_word(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nFeatures\t: fp asimd asimddp i8mm bf16\nCPU part\t: 0xd42\n")
    assert {"asimddp", "bf16"} < cpu_flags(path)
    assert cpu_flags(tmp_path / "absent") == frozenset() and cpu_name(tmp_path / "absent")


@pytest.mark.parametrize(
    ("line", "able"),
    [
        ("flags\t\t: fpu sse2 avx avx2 fma", False),  # EPYC, second generation
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", False),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni avx512_bf16", True),
        ("Features\t: fp asimd asimddp i8mm bf16", True),
        ("Features\t: fp asimd asimddp", False),
    ],
)
def test_a_cpu_computes_in_bfloat16_only_with_instructions_for_it(
    tmp_path: Path, line: str, able: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert computes_bf16(tmp_path / "cpuinfo") == able


# Engines


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


def test_codecs_of_a_gpu_need_one() -> None:
    assert nvdec_obstacle((), None) == nvenc_obstacle((), None) == NO_GPU
    if not find_gpus():  # and it is tried, not taken from a list
        assert "FFmpeg cannot open h264_nvenc" in str(nvenc_obstacle((ADA,), None))
        assert "its library does not load" in str(nvdec_obstacle((ADA,), None))
        assert "GStreamer" in str(nvdec_obstacle((ADA,), "L4T 36.4.3 (JetPack 6)"))
