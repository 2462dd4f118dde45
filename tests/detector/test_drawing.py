"""The outline of a box covers the box's outermost pixels."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import UInt8Array
from detector.drawing import draw_box

WHITE = (255, 255, 255)
BOX = 4, 5, 24, 17


def drawn(line: int) -> UInt8Array:
    image = np.zeros((20, 30, 3), np.uint8)
    draw_box(image, BOX, WHITE, line)
    return image


def test_a_thin_outline_is_the_outermost_pixels_of_its_box() -> None:
    expected = np.zeros((20, 30), bool)
    expected[5:17, 4:24] = True
    expected[6:16, 5:23] = False
    assert (drawn(1).all(axis=2) == expected).all()


@pytest.mark.parametrize("line", [2, 3, 5])
def test_a_thick_outline_is_as_wide_as_asked_and_leaves_the_middle(line: int) -> None:
    expected = np.zeros((20, 30), bool)
    expected[5:17, 4:24] = True
    expected[5 + line : 17 - line, 4 + line : 24 - line] = False
    assert (drawn(line).all(axis=2) == expected).all()


@pytest.mark.parametrize("box", [(4, 5, 7, 6), (4, 5, 5, 15), (4, 5, 4, 5)])
def test_a_box_narrower_than_its_lines_is_filled(box: tuple[int, int, int, int]) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    draw_box(image, box, WHITE, 3)
    left, top, right, bottom = box
    assert image[top:bottom, left:right].all()
    image[top:bottom, left:right] = 0
    assert not image.any()


def test_the_box_of_a_whole_image_is_drawn_on_its_border() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    draw_box(image, (0, 0, 30, 20), WHITE)
    assert image[[0, -1]].all() and image[:, [0, -1]].all() and not image[1:-1, 1:-1].any()
