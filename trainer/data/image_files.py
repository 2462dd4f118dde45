"""Image files: reading them, and finding those that cannot be read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.errors import UsageError
from trainer.data.data_errors import Findings

JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"


def read_rgb(path: Path) -> UInt8Array:
    """Return the image at `path` as (h, w, 3) uint8 RGB, rotated as its EXIF tag says."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise UsageError(f"{path}: not an image that can be read; repair or remove it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def readable(paths: Sequence[Path], findings: Findings) -> list[bool]:
    """Return which files can be decoded, and note the others in `findings`."""
    with ThreadPoolExecutor(os.cpu_count(), "readable") as threads:
        complaints = list(threads.map(_complaint, paths))
    for path, complaint in zip(paths, complaints, strict=True):
        if complaint:
            findings.add(f"{path}: {complaint}; repair or remove it")
    return [not complaint for complaint in complaints]


def _complaint(path: Path) -> str:
    """Return what is wrong with a file; empty if it can be decoded."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if data.startswith(JPEG_START) and data.rfind(JPEG_END) < data.rfind(JPEG_SCAN):
        return "is cut off: its end is missing"  # a decoder would fill the rest with grey
    encoded = np.frombuffer(data, np.uint8)
    # decoding at an eighth of the size reads the whole file, in an eighth of the time
    if not len(encoded) or cv2.imdecode(encoded, cv2.IMREAD_REDUCED_COLOR_8) is None:
        return "not an image that can be read"
    return ""
