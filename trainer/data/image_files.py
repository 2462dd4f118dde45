"""Image files: reading them, finding those that cannot be read, and their sizes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.errors import UsageError
from detector.jpeg import is_jpeg, structure_of
from trainer.data.data_errors import Findings

Size = tuple[int, int]  # height and width, pixels
PNG_START = b"\x89PNG\r\n\x1a\n"
REDUCED = 8  # decoding at an eighth of the size reads the whole file, in an eighth of the time


def read_rgb(path: Path) -> UInt8Array:
    """Return the image at `path` as (h, w, 3) uint8 RGB, rotated as its EXIF tag says."""
    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise UsageError(f"{path}: not an image that can be read; repair or remove it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def sizes_of(paths: Sequence[Path], findings: Findings) -> list[Size | None]:
    """Return the size of each image, as `read_rgb` would; None, and a finding, if it is damaged."""
    with ThreadPoolExecutor(os.cpu_count(), "sizes") as threads:
        inspected = list(threads.map(_inspected, paths))
    for path, (_, complaint) in zip(paths, inspected, strict=True):
        if complaint:
            findings.add(f"{path}: {complaint}; repair or remove it")
    return [size for size, _ in inspected]


def _inspected(path: Path) -> tuple[Size | None, str]:
    """Return the size of an image, and what is wrong with the file."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        return None, f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if is_jpeg(data) and not structure_of(data).complete:
        return None, "is cut off: its end is missing"  # a decoder would fill the rest with grey
    size = _size_of(data)
    return size, "" if size else "not an image that can be read"


def _size_of(data: bytes) -> Size | None:
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
