"""What is drawn on luma and chroma looks as it does when OpenCV draws it on BGR."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.drawing import Colour
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.drawing.canvas import Canvas
from pipeline.drawing.pen import Pen

SIZE = (432, 768)
RED: Colour = (70, 57, 230)
GREY = 90
SPACES = [ColourSpace(6), ColourSpace(1), ColourSpace(9), ColourSpace(1, full=True)]


def grey(space: ColourSpace, size: tuple[int, int] = SIZE) -> Planes:
    half = tuple(-(-side // 2) for side in size)
    shapes = zip((size, half, half), space.yuv((GREY, GREY, GREY)), strict=True)
    return Planes(space, *(np.full(shape, tone, np.uint8) for shape, tone in shapes))


def canvas(planes: Planes) -> Canvas:
    return Canvas(planes, Pen.fit(*planes.size))


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_colours_of_boxes_and_labels_are_right_in_every_space(space: ColourSpace) -> None:
    planes = grey(space)
    board = canvas(planes)
    board.draw_box((200, 150, 400, 350), RED)
    made = board.label("person 1 0.91", RED)
    board.draw_label(made, (200, 130))
    shown = planes.bgr().astype(int)
    for y, x in [(150, 300), (349, 300), (250, 200), (250, 399), (131, 201)]:
        assert np.abs(shown[y, x] - RED).max() <= 3, (y, x)
    assert np.abs(shown[160:340, 210:390] - GREY).max() <= 1
    height, width = made.size
    letters = shown[130 : 130 + height, 200 : 200 + width].min(axis=2)
    assert letters.max() >= 250  # white ink


def test_a_box_at_odd_pixels_has_its_colour_on_all_four_sides() -> None:
    planes = grey(ColourSpace())
    canvas(planes).draw_box((201, 151, 399, 349), RED)
    shown = planes.bgr().astype(int)
    for across in (shown[151:153, 300], shown[347:349, 300], shown[250, 201:203]):
        assert np.abs(across - RED).max(axis=1).min() <= 3


def test_a_line_is_white_with_a_black_outline_like_opencvs() -> None:
    planes = grey(ColourSpace(6))
    corners = [(100.0, 100.0), (300.0, 160.0), (200.0, 300.0)]
    canvas(planes).draw_line(corners, closed=True)
    expected = np.full((*SIZE, 3), GREY, np.uint8)
    points, pen = np.array(corners, np.int32), Pen.fit(*SIZE)
    for tone, width in (((0, 0, 0), 2 * pen.line), ((255, 255, 255), pen.line)):
        cv2.polylines(expected, [points], True, tone, width, cv2.LINE_AA)
    assert np.abs(planes.bgr().astype(int) - expected).max() <= 3


def test_a_line_over_a_coloured_background_is_white() -> None:
    planes = Planes.of_bgr(np.full((*SIZE, 3), RED, np.uint8))
    canvas(planes).draw_line([(100.0, 100.0), (500.0, 100.0)], closed=False)
    assert planes.bgr()[100, 110:490].min() >= 250


@pytest.mark.parametrize("size", [(17, 31), (18, 30), (1, 1), (2, 60)])
def test_a_label_is_cut_off_at_the_edges_of_a_small_picture(size: tuple[int, int]) -> None:
    planes = grey(ColourSpace(), size)
    board = canvas(planes)
    board.draw_label(board.label("person 1 0.91", RED), (0, 0))
    assert board.size == size[::-1]
    assert (planes.luma[0] == ColourSpace().yuv(RED)[0]).all()
