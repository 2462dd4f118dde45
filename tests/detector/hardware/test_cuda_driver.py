"""Our calls of NVIDIA's driver, made to an imitation of it in C (cuda_imitation.c).

Our own ctypes are always tested, pycuda where it is installed. No GPU is needed. The imitation
checks contexts, flags and that everything is released; it cannot check what a GPU would compute.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from detector.engines.cuda_graph import CudaGraph
from detector.errors import ModelError
from detector.hardware.cuda_driver import (
    CudaDriver,
    CudaError,
    Gpu,
    find_driver,
    find_gpus,
    gpu_number,
)
from detector.kernels.device_frame import BLOCK, FORMATS, SOURCE, arguments, grid
from detector.letterbox import Letterbox
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from tests.support.environment import absent
from tests.support.host_kernel import device_frame
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The imitation, compiled."""
    compiler = shutil.which("cc")
    if compiler is None:
        absent("no C compiler here to make an imitation of the driver", "REQUIRE_CC")
    made = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    source = ROOT / "tests" / "support" / "cuda_imitation.c"
    # It has no soname: a later load of libcuda.so.1 in this process must not get it
    line = [compiler, "-shared", "-fPIC", "-w", f"-I{SOURCE.parent}", "-x", "c"]
    subprocess.run([*line, "-o", made, source, "-lm"], check=True)
    return made


@pytest.fixture
def driver(library: Path) -> CudaDriver:
    found = find_driver(str(library))
    assert found is not None
    return found


def test_the_gpus_are_those_of_the_driver(driver: CudaDriver) -> None:
    assert driver.version == (13, 2)
    assert driver.gpus() == (
        Gpu(0, "Imitation A", (8, 6), 8 << 30, integrated=False),
        Gpu(1, "Imitation B", (8, 7), 16 << 30, integrated=True),
    )
    assert driver.gpus()[1].capability_name == "8.7"


def test_an_error_names_the_reason_and_the_function(driver: CudaDriver) -> None:
    with pytest.raises(CudaError, match=r"CUDA: invalid argument \(error 1 of cuDeviceGet\)"):
        driver.call("cuDeviceGet", ctypes.byref(ctypes.c_int()), 7)


def test_a_driver_without_a_gpu_counts_as_no_driver(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_driver("libno-such-driver.so.1") is None
    monkeypatch.setenv("IMITATION_NO_GPU", "1")
    assert find_driver(str(library)) is None


def test_each_launch_of_a_graph_does_the_captured_work(library: Path, driver: CudaDriver) -> None:
    imitation = ctypes.CDLL(str(library))
    driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(ctypes.c_void_p()), 0)
    driver.call("cuCtxPushCurrent_v2", None)
    stream = ctypes.c_void_p()
    driver.call("cuStreamCreate", ctypes.byref(stream), 1)
    assert stream.value is not None
    source, target = (ctypes.create_string_buffer(text) for text in (b"one", b"..."))

    def copy() -> None:
        to, from_ = (ctypes.c_ulonglong(ctypes.addressof(each)) for each in (target, source))
        driver.call("cuMemcpyDtoDAsync_v2", to, from_, ctypes.c_size_t(3), stream)

    graph = CudaGraph.capture(driver, stream.value, copy)
    assert target.value == b"..."
    graph.launch()
    assert target.value == b"one"
    source.value = b"two"
    graph.launch()
    assert target.value == b"two"
    graph.close()
    for fails in (lambda: None, lambda: driver.call("cuDeviceGet", None, 9)):
        with pytest.raises(CudaError):
            CudaGraph.capture(driver, stream.value, fails)
    copy()  # the stream can still be used
    driver.call("cuStreamDestroy_v2", stream)
    assert [imitation.imitation_held(kind) for kind in range(7)] == [1, 0, 0, 0, 0, 0, 0]
    driver.call("cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))
    driver.call("cuDevicePrimaryCtxRelease_v2", 0)


def test_the_imitation_is_not_found_as_this_machines_driver(driver: CudaDriver) -> None:
    names = {gpu.name for gpu in driver.gpus()}
    assert not names & {gpu.name for gpu in find_gpus()}


def test_our_kernel_runs_after_the_decoders_stream_and_takes_its_arguments_as_pycuda_packs_them(
    driver: CudaDriver,
) -> None:
    driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(ctypes.c_void_p()), 0)
    driver.call("cuCtxPushCurrent_v2", None)
    stream, event = ctypes.c_void_p(), ctypes.c_void_p()
    driver.call("cuStreamCreate", ctypes.byref(stream), 1)
    driver.call("cuEventCreate", ctypes.byref(event), 3)
    random = np.random.default_rng(0)
    shapes = ((30, 50), (15, 25), (15, 25))
    planes = Planes(ColourSpace(), *(random.integers(0, 256, each, np.uint8) for each in shapes))
    letterbox = Letterbox.fit(planes.size, (16, 32))
    frame, out = device_frame(planes, pitch=64), np.zeros((16, 32, 3), np.uint8)
    packed = struct.pack(FORMATS, *arguments(frame, letterbox, out.ctypes.data))
    content, size = ctypes.create_string_buffer(packed, len(packed)), ctypes.c_size_t(len(packed))
    pair = (ctypes.addressof(content), ctypes.addressof(size))
    extra = (ctypes.c_void_p * 5)(1, pair[0], 2, pair[1], 0)

    def launch() -> None:
        blocks = (*grid(letterbox), 1, *BLOCK, 1)
        driver.call("cuLaunchKernel", None, *blocks, 0, stream, None, extra)

    with pytest.raises(CudaError, match="cuLaunchKernel"):
        launch()  # nobody waits for the decoder
    driver.call("cuEventRecord", event, None)
    driver.call("cuStreamWaitEvent", stream, event, 0)
    launch()
    expected = letterbox.apply_to_planes(planes)
    assert np.abs(out.astype(np.int16) - expected).max() <= 1
    driver.call("cuEventDestroy_v2", event)
    driver.call("cuStreamDestroy_v2", stream)
    driver.call("cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))
    driver.call("cuDevicePrimaryCtxRelease_v2", 0)


@pytest.mark.parametrize(
    ("device", "number"), [("cuda", 0), ("cuda:1", 1), ("2", 2), ("GPU", 0), ("GPU:3", 3)]
)
def test_a_gpu_has_the_names_of_openvino_torch_and_yolo(device: str, number: int) -> None:
    assert gpu_number(device) == number


@pytest.mark.parametrize("device", ["", "cpu", "cuda:x", "cuda:-1", "cuda1:", ":"])
def test_any_other_name_is_refused(device: str) -> None:
    with pytest.raises(ModelError, match="give cuda, or cuda:1 for the second GPU"):
        gpu_number(device)


@pytest.mark.parametrize("graphs", [True, False])
def test_pycuda_is_called_correctly_on_all_threads_and_everything_is_released(
    library: Path, graphs: bool
) -> None:
    if find_spec("pycuda") is None:
        absent("pycuda is not installed (extra `gpu`)", "REQUIRE_CUDA")
    script = [sys.executable, "-m", "tests.support.pycuda_on_an_imitation", str(graphs)]
    folders = f"{library.parent}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    ended = subprocess.run(
        script,
        cwd=ROOT,
        env={**os.environ, "LD_LIBRARY_PATH": folders},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    frames = "right: 4 batches of frames\n" if shutil.which("nvcc") else "no nvcc\n"
    assert ended.stdout == f"right: 8 batches\n{frames}held: 0 0 0 0 0 0 0 0, current: 0\n"
