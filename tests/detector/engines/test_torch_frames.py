"""Frames in GPU memory become the images that the CPU letterbox makes, in tensor operations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detector.detections import UInt8Array
from detector.engines.torch_frames import letterboxed, planes_of
from detector.hardware.cuda_driver import Gpu
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import Letterbox
from detector.yuv.colour_space import BT601, BT709, ColourSpace
from detector.yuv.planes import Planes
from tests.support.host_kernel import nv12

LEVELS = 4  # a level of each plane, in RGB
CASES = {  # frame -> input
    (1080, 1920): (640, 640),
    (481, 853): (640, 640),
    (361, 641): (96, 96),
    (16, 16): (64, 48),
    (1, 1): (32, 32),
    (640, 1280): (80, 80),
}


def planes(shape: tuple[int, int], space: ColourSpace) -> Planes:
    random = np.random.default_rng(shape[0])
    half = ((shape[0] + 1) // 2, (shape[1] + 1) // 2)
    return Planes(space, *(random.integers(0, 256, each, np.uint8) for each in (shape, half, half)))


def assert_like(found: UInt8Array, expected: UInt8Array) -> None:
    off = np.abs(found.astype(np.int16) - expected)
    assert off.max() <= LEVELS and off.mean() < 0.6, (off.max(), off.mean())


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [BT601, BT709])
@pytest.mark.parametrize("shape", CASES)
def test_tensors_give_the_image_of_the_cpu(shape: tuple[int, int], matrix: int, full: bool) -> None:
    picture = planes(shape, ColourSpace(matrix, full))
    letterbox = Letterbox.fit(shape, CASES[shape])
    luma, chroma = (torch.from_numpy(plane) for plane in nv12(picture, shape[1] + shape[1] % 2))
    pairs = chroma.reshape(chroma.shape[0], -1, 2)
    found = letterboxed(luma[:, : shape[1]], pairs, picture.space, letterbox)
    assert_like(found.numpy(), letterbox.apply_to_planes(picture))


def test_a_frame_of_a_gpu_is_seen_without_a_copy(gpu: Gpu) -> None:
    assert gpu
    picture = planes((361, 641), ColourSpace(BT709))
    luma, chroma = (torch.from_numpy(plane).cuda() for plane in nv12(picture, 704))
    frame = DeviceFrame(
        luma.data_ptr(), 704, chroma.data_ptr(), 704, 641, 361, picture.space, owner=(luma, chroma)
    )
    letterbox = Letterbox.fit((361, 641), (384, 640))
    seen = planes_of(frame, torch.device("cuda"))
    assert seen[0].data_ptr() == luma.data_ptr()
    found = letterboxed(*seen, frame.space, letterbox).cpu().numpy()
    assert_like(found, letterbox.apply_to_planes(picture))
