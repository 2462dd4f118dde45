"""The outline of a box covers the box's outermost pixels and none outside."""

from __future__ import annotations

import numpy as np
import pytest

from detector.drawing import draw_box

WHITE = (255, 255, 255)


@pytest.mark.parametrize("line", [1, 3])
def test_an_outline_lies_inside_the_edges_of_its_box(line: int) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    draw_box(image, (4, 5, 24, 17), WHITE, line)
    expected = np.zeros((20, 30), bool)
    expected[5:17, 4:24] = True
    expected[5 + line : 17 - line, 4 + line : 24 - line] = False
    if line > 1:  # OpenCV rounds the corners of thick lines
        expected[[5, 5, 16, 16], [4, 23, 4, 23]] = False
    assert (image.all(axis=2) == expected).all()


def test_the_box_of_a_whole_image_is_drawn_on_its_border() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    draw_box(image, (0, 0, 30, 20), WHITE)
    assert image[[0, -1]].all() and image[:, [0, -1]].all() and not image[1:-1, 1:-1].any()
