"""The size of an image in memory, as it is displayed: turned as its EXIF tag says."""

from __future__ import annotations

import cv2
import numpy as np

from detector.jpeg import is_jpeg, structure_of
from detector.labels.labelled import Size

PNG_START = b"\x89PNG\r\n\x1a\n"
REDUCED = 8  # decoding at an eighth of the size reads the whole file, in an eighth of the time


def image_size(data: bytes) -> Size | None:
    """Return (height, width) of an image as OpenCV decodes it; None if it cannot."""
    reduced = _decoded_size(data, cv2.IMREAD_REDUCED_COLOR_8)
    stored = _stored_size(data)
    if reduced is None or stored is None:
        return _decoded_size(data, cv2.IMREAD_COLOR)
    turned = stored[1], stored[0]  # as an EXIF tag may say
    fitting = {size for size in (stored, turned) if _is_reduced(size, reduced)}
    return fitting.pop() if len(fitting) == 1 else _decoded_size(data, cv2.IMREAD_COLOR)


def _is_reduced(size: Size, reduced: Size) -> bool:
    return all(abs(s - REDUCED * r) < REDUCED for s, r in zip(size, reduced, strict=True))


def _decoded_size(data: bytes, flags: int) -> Size | None:
    encoded = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(encoded, flags) if len(encoded) else None
    except cv2.error:  # too large, or too small to be reduced
        return None
    return None if image is None else (image.shape[0], image.shape[1])


def _stored_size(data: bytes) -> Size | None:
    """Return the size in the header of a JPEG or PNG."""
    if is_jpeg(data):
        return structure_of(data).size
    if data.startswith(PNG_START) and len(data) >= 24:
        return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")
    return None
