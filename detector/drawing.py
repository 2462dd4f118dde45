"""Boxes on images, drawn alike in annotated videos, contact sheets and reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detector.detections import UInt8Array

Colour = tuple[int, int, int]  # in the channel order of the image


def draw_box(image: UInt8Array, box_xyxy: Sequence[int], colour: Colour, line: int = 1) -> None:
    """Draw the outline of a box into an (h, w, 3) uint8 image, along the inside of its edges.

    box_xyxy: left, top, right, bottom in whole pixels, not below 0; line: width in pixels
    """
    for left, top, right, bottom in outline(box_xyxy, line):
        image[top:bottom, left:right] = colour


def outline(box_xyxy: Sequence[int], line: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the four edges of a box as rectangles `line` pixels wide, inside it: xyxy."""
    left, top, right, bottom = box_xyxy
    yield left, top, right, min(top + line, bottom)
    yield left, max(bottom - line, top), right, bottom
    yield left, top, min(left + line, right), bottom
    yield max(right - line, left), top, right, bottom
