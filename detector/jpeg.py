"""The structure of a JPEG: its size, and whether it reaches its end. Nothing is decoded.

Programs add other files behind an image (the video of a motion photo, a second image, a thumbnail
inside a segment), so only the image's own bytes tell whether it is complete (ITU-T T.81, annex B).
"""

from __future__ import annotations

import re
from typing import NamedTuple

START, END, SCAN = 0xD8, 0xD9, 0xDA
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # these carry the size
SEGMENTS = {*range(0xC0, 0xD0), *range(0xDA, 0xF0), 0xFE}  # with a length; others are not expected
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # in a scan: stuffed bytes, restarts are data


class JpegStructure(NamedTuple):
    """size: (height, width) in pixels as stored, None if unknown; complete: its end is there."""

    size: tuple[int, int] | None
    complete: bool


def is_jpeg(data: bytes) -> bool:
    """Return whether a file begins as a JPEG does."""
    return data[:3] == b"\xff\xd8\xff"


def structure_of(data: bytes) -> JpegStructure:
    """Return the structure of a JPEG, from its first byte to its end or to where it breaks off."""
    size, at = None, 2
    while found := _next_marker(data, at):
        marker, at = found
        if marker == END:
            return JpegStructure(size, complete=True)
        length = int.from_bytes(data[at : at + 2], "big")
        if marker not in SEGMENTS or length < 2:
            break  # what follows is no JPEG
        if marker in FRAMES and size is None and at + 7 <= len(data):
            height, width = (int.from_bytes(data[at + k : at + k + 2], "big") for k in (3, 5))
            size = (height, width) if height and width else None
        at += length
        if marker == SCAN:
            behind = _MARKER.search(data, at)
            at = behind.start() if behind else len(data)
    return JpegStructure(size, complete=False)


def _next_marker(data: bytes, at: int) -> tuple[int, int] | None:
    """Return the marker at a position, and the position behind it."""
    if at >= len(data) or data[at] != 0xFF:
        return None
    while at < len(data) and data[at] == 0xFF:  # any number of fill bytes
        at += 1
    return (data[at], at + 1) if at < len(data) else None
