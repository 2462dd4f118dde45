"""Boxes on images, drawn alike in annotated videos, contact sheets and reports."""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from detector.detections import UInt8Array

Colour = tuple[int, int, int]  # in the channel order of the image


def draw_box(image: UInt8Array, box_xyxy: Sequence[int], colour: Colour, line: int = 1) -> None:
    """Draw the outline of a box into an (h, w, 3) uint8 image, along the inside of its edges.

    box_xyxy: left, top, right, bottom in whole pixels; line: width in pixels
    """
    left, top, right, bottom = box_xyxy
    half = line // 2
    cv2.rectangle(
        image, (left + half, top + half), (right - 1 - half, bottom - 1 - half), colour, line
    )
