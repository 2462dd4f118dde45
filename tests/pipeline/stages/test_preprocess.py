"""Preprocessing: pictures of any size become one RGB batch, in order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from detector.detections import UInt8Array
from detector.letterbox import PAD_VALUE
from pipeline.frame import Batch, Frame, Picture, Ready, Stream
from pipeline.stages.preprocess import Preprocess

STREAM = Stream("street", "street.mp4", Fraction(1, 25))


def frame(index: int, bgr: UInt8Array) -> Frame:
    return Frame(STREAM, index, index, index, Fraction(1, 25), 0.0, Picture.of(bgr))


def of_colour(height: int, width: int, bgr: tuple[int, int, int]) -> UInt8Array:
    return np.full((height, width, 3), bgr, np.uint8)


def batch_of(*pictures: UInt8Array) -> Batch:
    ready = Ready(tuple(frame(index, bgr) for index, bgr in enumerate(pictures)))
    (batch,) = Preprocess((64, 96)).process(ready)
    return batch


def test_blue_green_red_comes_out_as_red_green_blue_within_grey_borders() -> None:
    batch = batch_of(of_colour(432, 768, (10, 20, 30)))
    expected = np.full((1, 64, 96, 3), PAD_VALUE, np.uint8)
    expected[:, 5:59] = (30, 20, 10)  # 432 / 768 x 96 = 54 rows, centred
    np.testing.assert_array_equal(batch.images, expected)


def test_every_channel_keeps_its_own_picture() -> None:
    bgr = np.zeros((64, 96, 3), np.uint8)
    bgr[:32, :, 0], bgr[:, :48, 1], bgr[32:, 48:, 2] = 200, 150, 100
    np.testing.assert_array_equal(batch_of(bgr).images[0], bgr[..., ::-1])


def test_streams_of_different_sizes_share_a_batch_each_with_its_own_way_back() -> None:
    batch = batch_of(of_colour(432, 768, (1, 1, 1)), of_colour(480, 360, (2, 2, 2)))
    assert [f.index for f in batch.frames] == [0, 1]
    assert [box.source for box in batch.letterboxes] == [(432, 768), (480, 360)]
    assert batch.images[0, 32, 48].tolist() == [1, 1, 1]
    assert batch.images[1, 32, 48].tolist() == [2, 2, 2]


def test_the_batch_is_frozen_and_the_source_is_left_as_it_was() -> None:
    bgr = of_colour(100, 100, (1, 2, 3))
    batch = batch_of(bgr)
    assert (bgr == (1, 2, 3)).all()
    with pytest.raises(ValueError, match="read-only"):
        batch.images[:] = 0
