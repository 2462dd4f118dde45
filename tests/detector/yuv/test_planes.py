"""Planes mean what swscale takes them to mean, in every matrix and range."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Interpolation

from detector.detections import UInt8Array
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes

EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
SWSCALE = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}  # matrix -> swscale's number of it
SPACES = [ColourSpace(matrix, full) for matrix in SWSCALE for full in (False, True)]
COLOURS = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (30, 160, 230), (0, 0, 0), (255, 255, 255)]


def patches(rows: int = 32) -> UInt8Array:
    """Return six colours side by side, 16 pixels each."""
    return np.array([COLOURS], np.uint8).repeat(16, axis=1).repeat(rows, axis=0)


def by_swscale(bgr: UInt8Array, space: ColourSpace) -> Planes:
    """Return the planes of an image, made by swscale."""
    frame = av.VideoFrame.from_ndarray(bgr, "bgr24").reformat(
        format="yuv420p",
        dst_colorspace=SWSCALE[space.matrix],
        dst_color_range=ColorRange.JPEG if space.full else ColorRange.MPEG,
        interpolation=EXACT,
    )
    luma, cb, cr = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width]
        for plane in frame.planes
    )
    return Planes(space, luma, cb, cr)


def middles(image: UInt8Array) -> list[list[int]]:
    return [image[len(image) // 2, 8 + 16 * k].astype(int).tolist() for k in range(6)]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_planes_of_swscale_have_the_colours_that_it_was_given(space: ColourSpace) -> None:
    shown = middles(by_swscale(patches(), space).bgr())
    assert np.abs(np.array(shown) - COLOURS).max() <= 2


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_colour_is_what_swscale_makes_of_it(space: ColourSpace) -> None:
    made = by_swscale(patches(), space)
    for k, colour in enumerate(COLOURS):
        y, cb, cr = made.luma[16, 8 + 16 * k], made.cb[8, 4 + 8 * k], made.cr[8, 4 + 8 * k]
        assert np.abs(np.subtract(space.yuv(colour), [int(y), int(cb), int(cr)])).max() <= 1


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_another_space_keeps_the_colours(space: ColourSpace) -> None:
    for other in (ColourSpace(), ColourSpace(1, full=True)):
        made = by_swscale(patches(), space).converted(other)
        assert made.space == other
        assert np.abs(np.array(middles(made.bgr())) - COLOURS).max() <= 4


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (17, 30), (18, 31), (17, 31), (18, 30)])
def test_an_image_of_odd_size_becomes_planes_and_an_image_again(size: tuple[int, int]) -> None:
    height, width = size
    slope = np.linspace(0, 200, width)[None, :] + np.linspace(0, 50, height)[:, None]
    image = np.repeat(slope[..., None], 3, axis=2).astype(np.uint8)
    planes = Planes.of_bgr(image)
    assert planes.size == size and planes.cb.shape == (-(-height // 2), -(-width // 2))
    assert np.abs(planes.bgr().astype(int) - image).max() <= 2


def test_planes_that_do_not_fit_each_other_are_a_bug() -> None:
    with pytest.raises(AssertionError):
        Planes(ColourSpace(), *(np.zeros((4, 4), np.uint8) for _ in range(3)))
