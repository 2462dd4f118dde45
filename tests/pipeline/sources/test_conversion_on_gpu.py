"""Which frames stay in GPU memory, and what comes to the host when pixels are asked for."""

from __future__ import annotations

import av
import numpy as np
import pytest

from detector.errors import FramelaneError
from pipeline.sources.conversion import FrameConverter
from tests.support.fake_hardware import FakeHardware

PQ = 16


def noise(pixels: str = "yuv420p") -> av.VideoFrame:
    frame = av.VideoFrame(64, 48, pixels)
    random = np.random.default_rng(0)
    for plane in frame.planes:
        values = np.frombuffer(memoryview(plane), np.uint8)
        values[:] = random.integers(16, 236, len(values), np.uint8)
    frame.colorspace, frame.color_range = 1, 1
    return frame


def test_pixels_come_to_the_host_at_the_first_request_and_once() -> None:
    hardware, frame = FakeHardware(), noise()
    picture = FrameConverter("cam", hardware).picture(hardware.in_gpu_memory(frame))
    assert picture.device is not None and picture.device.space == picture.space
    assert hardware.downloads == 0
    expected = FrameConverter("cam").picture(frame.reformat(format="nv12"))
    np.testing.assert_array_equal(picture.luma(16), expected.luma(16))
    for shown, right in zip(picture.planes.all, expected.planes.all, strict=True):
        np.testing.assert_array_equal(shown, right)
    np.testing.assert_array_equal(picture.bgr, expected.bgr)
    assert hardware.downloads == 1


def test_memory_is_given_back_with_the_picture() -> None:
    hardware = FakeHardware()
    picture = FrameConverter("cam", hardware).picture(hardware.in_gpu_memory(noise()))
    assert hardware.surfaces == 1
    assert picture.planes.size == (48, 64)
    del picture
    assert hardware.surfaces == 0


def test_hdr_comes_to_the_host_at_once() -> None:
    hardware, frame = FakeHardware(), noise()
    frame.color_trc, frame.colorspace = PQ, 9
    picture = FrameConverter("cam", hardware).picture(hardware.in_gpu_memory(frame))
    assert picture.device is None and hardware.downloads == 1
    assert picture.bgr.shape == (48, 64, 3)


class TenBits(FakeHardware):
    """All frames but copies lie in GPU memory, whatever their pixel format."""

    def gpu_of(self, frame: av.VideoFrame) -> int | None:
        return None if self.downloads else 0

    def on_host(self, frame: av.VideoFrame) -> av.VideoFrame:
        self.downloads += self.gpu_of(frame) is not None
        return frame


@pytest.mark.parametrize("pixels", ["p010le", "yuv444p", "yuv420p"])
def test_a_format_that_the_kernel_does_not_take_comes_to_the_host_at_once(pixels: str) -> None:
    hardware = TenBits()
    picture = FrameConverter("cam", hardware).picture(noise(pixels))
    assert picture.device is None and hardware.downloads == 1


def test_a_gpu_that_is_lost_is_one_line_that_says_what_to_do() -> None:
    hardware = FakeHardware(loses_memory=True)
    picture = FrameConverter("cam", hardware).picture(hardware.in_gpu_memory(noise()))
    with pytest.raises(FramelaneError, match=r"^cam: a frame .* bus\): give decoder: software$"):
        picture.planes  # noqa: B018
