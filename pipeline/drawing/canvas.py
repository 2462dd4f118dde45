"""Boxes, lines and labels drawn on luma and chroma."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detector.drawing import Colour, outline
from detector.yuv.planes import Planes
from pipeline.drawing.label import BLACK, WHITE, label
from pipeline.drawing.pen import Pen


class Canvas:
    """Draws into planes, which nothing else may use meanwhile.

    Of each four pixels that share their chroma, the upper left one decides whether it is drawn.
    """

    def __init__(self, planes: Planes, pen: Pen) -> None:
        self._planes = planes
        self._pen = pen

    def draw_box(self, box_xyxy: Sequence[int], colour: Colour) -> None:
        """Draw the outline of a box along the inside of its edges.

        box_xyxy: in whole pixels, not below 0; colour: BGR
        """
        luma, cb, cr = self._planes.all
        y, blue, red = self._planes.space.yuv(colour)
        width = self._pen.line + 1  # as OpenCV draws a line of that width
        for left, top, right, bottom in outline(box_xyxy, width):
            luma[top:bottom, left:right] = y
            shared = np.s_[(top + 1) // 2 : (bottom + 1) // 2, (left + 1) // 2 : (right + 1) // 2]
            cb[shared], cr[shared] = blue, red

    def draw_line(self, corners: Sequence[tuple[float, float]], closed: bool) -> None:
        """Draw a line or a polygon, white with a black outline for any background."""
        points = [np.array(corners).round().astype(np.int32)]
        width, yuv = self._pen.line, self._planes.space.yuv
        luma, *chroma = self._planes.all
        for plane in chroma:
            cv2.polylines(plane, points, closed, yuv(WHITE)[1], width, cv2.LINE_AA, shift=1)
        for colour, across in ((BLACK, 2 * width), (WHITE, width)):
            cv2.polylines(luma, points, closed, yuv(colour)[0], across, cv2.LINE_AA)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        height, width = self._planes.size
        return width, height

    def label(self, text: str, colour: Colour) -> Planes:
        """Return a label to draw here; colour: of its background, BGR."""
        return label(text, colour, self._pen, self._planes.space)

    def draw_label(self, made: Planes, corner: tuple[int, int]) -> None:
        """Lay a label onto the picture; what is beyond the edges is left out.

        made: of `label`
        corner: left and top, even, not below 0
        """
        left, top = corner
        for target, plane, step in zip(self._planes.all, made.all, (1, 2, 2), strict=True):
            place = target[top // step :, left // step :][: plane.shape[0], : plane.shape[1]]
            place[:] = plane[: place.shape[0], : place.shape[1]]

    def restore(self, source: Planes, size: tuple[int, int]) -> None:
        """Undo what was drawn in the top left corner; size: its width and height."""
        width, height = size
        for target, plane, step in zip(self._planes.all, source.all, (1, 2, 2), strict=True):
            corner = np.s_[: -(-height // step), : -(-width // step)]
            target[corner] = plane[corner]
