"""What FFmpeg says of a frame is what our kernel reads: the image is that of the CPU letterbox."""

from __future__ import annotations

import av
import numpy as np
import pytest

from detector.hardware.cuda_driver import find_gpus
from detector.kernels.device_frame import arguments, grid
from detector.letterbox import Letterbox
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.codecs.contexts import HARDWARE, Unavailable
from pipeline.codecs.device_frames import device_frame, gpu_of, kept_as, on_host
from pipeline.codecs.sample import decoder_of
from tests.support.host_kernel import HostKernel

BT709, FULL = 1, 2
SIZE = (96, 160)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> HostKernel:
    return HostKernel(tmp_path_factory.mktemp("kernel"))


@pytest.mark.parametrize("shape", [(120, 160), (121, 203), (1082, 1922)])
@pytest.mark.parametrize(("matrix", "levels"), [(BT709, 1), (BT709, FULL), (6, 1)])
def test_a_frame_is_read_where_and_as_ffmpeg_keeps_it(
    kernel: HostKernel, shape: tuple[int, int], matrix: int, levels: int
) -> None:
    height, width = shape
    frame = av.VideoFrame(width, height, "nv12")
    frame.colorspace, frame.color_range = matrix, levels
    random = np.random.default_rng(height)
    parts = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        rows[:] = random.integers(0, 256, rows.shape, np.uint8)
        parts.append(rows)
    columns = (width + 1) // 2
    space = ColourSpace(matrix, full=levels == FULL)
    cb, cr = (parts[1][:, first : 2 * columns : 2].copy() for first in (0, 1))
    planes = Planes(space, parts[0][:, :width].copy(), cb, cr)
    letterbox = Letterbox.fit(shape, SIZE)
    seen = device_frame(frame, space, 1)
    assert (seen.stream, seen.gpu) == (0, 1)
    out = np.empty((*SIZE, 3), np.uint8)
    kernel.launch(grid(letterbox), arguments(seen, letterbox, out.ctypes.data))
    expected = letterbox.apply_to_planes(planes)
    assert np.abs(out.astype(np.int16) - expected).max() <= 1


def test_a_frame_on_the_host_is_its_own_copy() -> None:
    frame = av.VideoFrame(64, 48, "nv12")
    assert gpu_of(frame) is None and kept_as(frame) == "nv12" and on_host(frame) is frame


def test_without_a_gpu_no_decoder_is_opened_on_it() -> None:
    if find_gpus():
        return  # benchmarks/gpu.py measures it
    with pytest.raises(Unavailable):
        HARDWARE.open("cuda", decoder_of("h264"), {}, 0)
