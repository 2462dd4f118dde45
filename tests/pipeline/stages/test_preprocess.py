"""Preprocessing: frames of any size become one RGB batch, in order."""

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


def plain(height: int, width: int, bgr: tuple[int, int, int]) -> UInt8Array:
    return np.full((height, width, 3), bgr, np.uint8)


def batch_of(*images: UInt8Array) -> Batch:
    ready = Ready(tuple(frame(index, bgr) for index, bgr in enumerate(images)))
    (batch,) = Preprocess((64, 96)).process(ready)
    return batch


def test_bgr_frames_become_rgb_images_with_grey_padding() -> None:
    batch = batch_of(plain(432, 768, (10, 20, 30)))
    expected = np.full((1, 64, 96, 3), PAD_VALUE, np.uint8)
    expected[:, 5:59] = (30, 20, 10)  # 432 / 768 x 96 = 54 rows, centred
    np.testing.assert_array_equal(batch.images, expected)


def test_the_channels_are_reversed_and_otherwise_unchanged() -> None:
    bgr = np.zeros((64, 96, 3), np.uint8)
    bgr[:32, :, 0], bgr[:, :48, 1], bgr[32:, 48:, 2] = 200, 150, 100
    np.testing.assert_array_equal(batch_of(bgr).images[0], bgr[..., ::-1])


def test_frames_of_different_sizes_share_a_batch_each_with_its_own_letterbox() -> None:
    batch = batch_of(plain(432, 768, (1, 1, 1)), plain(480, 360, (2, 2, 2)))
    assert [f.index for f in batch.frames] == [0, 1]
    assert [box.source for box in batch.letterboxes] == [(432, 768), (480, 360)]
    assert batch.images[0, 32, 48].tolist() == [1, 1, 1]
    assert batch.images[1, 32, 48].tolist() == [2, 2, 2]


def test_the_batch_is_read_only_and_the_source_is_unchanged() -> None:
    bgr = plain(100, 100, (1, 2, 3))
    batch = batch_of(bgr)
    assert (bgr == (1, 2, 3)).all()
    with pytest.raises(ValueError, match="read-only"):
        batch.images[:] = 0
