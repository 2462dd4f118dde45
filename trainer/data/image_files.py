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
from detector.labels.image_size import image_size
from detector.labels.labelled import Size
from trainer.data.data_errors import Findings


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
    size = image_size(data)
    return size, "" if size else "not an image that can be read"
