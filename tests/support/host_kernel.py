"""The kernel for frames in GPU memory, compiled as C for the host: what a GPU would compute."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detector.detections import UInt8Array
from detector.kernels.device_frame import BLOCK, FORMATS, SOURCE, Argument, DeviceFrame
from detector.yuv.planes import Planes
from tests.support.environment import absent
from tests.support.paths import ROOT

SUPPORT = ROOT / "tests" / "support"
INTEGERS, FLOATS = FORMATS.count("i"), FORMATS.count("f")


class HostKernel:
    """The compiled kernel. Addresses are those of the host's memory."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            absent("no C compiler here to compile the kernel for the host", "REQUIRE_CC")
        library = folder / "host_kernel.so"
        line = [compiler, "-std=gnu11", "-O2", "-Wall", "-Werror", "-ffp-contract=off", "-shared"]
        line += ["-fPIC", f"-I{SOURCE.parent}", f"-I{SUPPORT}", "-x", "c"]
        source = str(SUPPORT / "host_kernel.c")
        subprocess.run([*line, source, "-o", str(library), "-lm"], check=True)
        self._run = ctypes.CDLL(str(library)).letterbox_nv12_on_the_host

    def launch(self, grid: Sequence[int], arguments: Sequence[Argument]) -> None:
        """Run all threads of the grid, one after the other."""
        struct.pack(FORMATS, *arguments)  # as a GPU gets them
        luma, chroma, *middle, out = arguments
        integers, floats = middle[:INTEGERS], middle[INTEGERS:]
        assert len(floats) == FLOATS
        self._run(
            *((ctypes.c_uint * 2)(*pair) for pair in (grid, BLOCK)),
            *(ctypes.c_void_p(int(each)) for each in (luma, chroma)),
            (ctypes.c_int * INTEGERS)(*map(int, integers)),
            (ctypes.c_float * FLOATS)(*floats),
            ctypes.c_void_p(int(out)),
        )


def nv12(planes: Planes, pitch: int) -> tuple[UInt8Array, UInt8Array]:
    """Return luma and interleaved chroma, with rows of `pitch` bytes filled up with noise."""
    height, width = planes.size
    noise = np.random.default_rng(0)
    luma = noise.integers(0, 256, (height, pitch), np.uint8)
    luma[:, :width] = planes.luma
    rows, columns = planes.cb.shape
    chroma = noise.integers(0, 256, (rows, pitch), np.uint8)
    chroma[:, 0 : 2 * columns : 2], chroma[:, 1 : 2 * columns : 2] = planes.cb, planes.cr
    return luma, chroma


def device_frame(planes: Planes, pitch: int) -> DeviceFrame:
    """Return a frame whose GPU memory is memory of the host."""
    luma, chroma = nv12(planes, pitch)
    height, width = planes.size
    return DeviceFrame(
        luma.ctypes.data,
        pitch,
        chroma.ctypes.data,
        pitch,
        width,
        height,
        planes.space,
        owner=(luma, chroma),
    )
