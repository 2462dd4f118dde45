"""The kernel gives the CPU letterbox's image, for real and odd frames, in every colour space."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import UInt8Array
from detector.kernels.device_frame import arguments, grid
from detector.letterbox import Letterbox
from detector.yuv.colour_space import BT601, BT709, BT2020, ColourSpace
from detector.yuv.planes import Planes
from tests.support.host_kernel import HostKernel, device_frame

SPACES = [ColourSpace(matrix, full) for matrix in (BT601, BT709, BT2020) for full in (False, True)]
LEVEL = 1  # grey level
SHAPES = {  # of the frame -> of the input, height and width
    (1080, 1920): (640, 640),  # halved once, then bilinear; chroma bilinear
    (2160, 3840): (384, 640),
    (1440, 2560): (640, 640),
    (481, 853): (640, 640),  # enlarged, odd
    (1081, 1921): (320, 320),  # odd: by areas
    (1082, 1922): (320, 320),  # even once
    (16, 16): (640, 640),
    (1, 1): (32, 32),
    (2, 700): (64, 64),
    (901, 3): (160, 96),
    (640, 640): (640, 640),
    (640, 1280): (80, 80),  # halved four times
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> HostKernel:
    return HostKernel(tmp_path_factory.mktemp("kernel"))


def by_kernel(
    kernel: HostKernel, planes: Planes, letterbox: Letterbox, padding: int = 13
) -> UInt8Array:
    """Return the image that the kernel makes; nothing beside it may be written."""
    frame = device_frame(planes, planes.size[1] + padding + planes.size[1] % 2)
    height, width = letterbox.size
    out = np.full(height * width * 3 + 64, 7, np.uint8)
    kernel.launch(grid(letterbox), arguments(frame, letterbox, out.ctypes.data))
    assert (out[height * width * 3 :] == 7).all()
    return out[: height * width * 3].reshape(height, width, 3)


def noise(shape: tuple[int, int], space: ColourSpace, seed: int) -> Planes:
    """Return planes of smooth noise with hard edges, over the whole range."""
    random = np.random.default_rng(seed)
    half = ((shape[0] + 1) // 2, (shape[1] + 1) // 2)
    return Planes(space, *(random.integers(0, 256, each, np.uint8) for each in (shape, half, half)))


def assert_equal(found: UInt8Array, expected: UInt8Array) -> None:
    off = np.abs(found.astype(np.int16) - expected)
    assert off.max() <= LEVEL, f"{off.max()} levels, {np.count_nonzero(off > LEVEL)} values"


@pytest.mark.parametrize("shape", SHAPES)
def test_frames_of_every_scale_are_those_of_the_cpu(
    kernel: HostKernel, shape: tuple[int, int]
) -> None:
    letterbox = Letterbox.fit(shape, SHAPES[shape])
    planes = noise(shape, ColourSpace(BT709), seed=sum(shape))
    assert_equal(by_kernel(kernel, planes, letterbox), letterbox.apply_to_planes(planes))


@pytest.mark.parametrize("space", SPACES)
def test_colours_are_those_of_the_cpu_in_every_space(
    kernel: HostKernel, space: ColourSpace
) -> None:
    letterbox = Letterbox.fit((270, 482), (160, 160))
    planes = noise((270, 482), space, seed=space.matrix)
    assert_equal(by_kernel(kernel, planes, letterbox), letterbox.apply_to_planes(planes))


@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    space=st.sampled_from(SPACES),
    padding=st.integers(0, 40),
)
@settings(max_examples=80)
def test_frames_of_any_size_are_those_of_the_cpu(
    kernel: HostKernel,
    shape: tuple[int, int],
    size: tuple[int, int],
    space: ColourSpace,
    padding: int,
) -> None:
    letterbox = Letterbox.fit(shape, size)
    planes = noise(shape, space, seed=shape[0])
    found = by_kernel(kernel, planes, letterbox, padding)
    assert_equal(found, letterbox.apply_to_planes(planes))


@pytest.mark.parametrize(
    "name", ["mmaction2_demo_skeleton.mp4", "vfr.mp4", "odd_479x359_444.mp4", "one_frame.mp4"]
)
def test_real_frames_are_those_of_the_cpu(kernel: HostKernel, data: Path, name: str) -> None:
    with av.open(str(data / "awkward" / name)) as container:
        frame = next(container.decode(video=0)).reformat(format="yuv420p")
    luma, cb, cr = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[
            :, : plane.width
        ]
        for plane in frame.planes
    )
    planes = Planes(ColourSpace(BT709), luma.copy(), cb.copy(), cr.copy())
    letterbox = Letterbox.fit(planes.size, (384, 640))
    assert_equal(by_kernel(kernel, planes, letterbox), letterbox.apply_to_planes(planes))
