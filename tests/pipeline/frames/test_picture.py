"""The image of a picture is made once, at the first request, and is read-only."""

from __future__ import annotations

from threading import Barrier, Thread

import numpy as np
import pytest

from detector.detections import UInt8Array
from pipeline.frames.picture import Picture

BGR = np.zeros((4, 6, 3), np.uint8)


def test_an_image_is_converted_once_whichever_threads_ask() -> None:
    made: list[UInt8Array] = []
    together = Barrier(4)

    def convert() -> UInt8Array:
        made.append(BGR.copy())
        return made[-1]

    picture = Picture(6, 4, convert)
    assert made == []  # not before anyone asks
    seen: list[UInt8Array] = []

    def ask() -> None:
        together.wait(timeout=60)
        seen.append(picture.bgr)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and all(each is made[0] for each in seen) and len(seen) == 4


def test_an_image_is_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Picture.of(BGR.copy()).bgr[0, 0] = 255


@pytest.mark.parametrize("size", [(432, 768), (1080, 1920), (359, 479), (4, 6)])
def test_small_luma_is_the_mean_of_the_pixels_of_each_cell(size: tuple[int, int]) -> None:
    down, across = (np.arange(length) * 2 * np.pi / 60 for length in size)
    grey = (128 + 60 * np.outer(np.sin(down), np.cos(across))).astype(np.uint8)
    picture = Picture.of(np.dstack([grey] * 3))
    small = picture.luma(72)
    side = max(1, grey.shape[0] // 72)
    height, width = grey.shape[0] // side, grey.shape[1] // side
    cells = grey[: height * side, : width * side].reshape(height, side, width, side)
    assert small.shape == (height, width)
    assert abs(small - cells.mean(axis=(1, 3))).max() <= 2
