"""Images on disk: which of them can be read, and reading them."""

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
    """Return the image at `path` as (h, w, 3) uint8 RGB, upright as its EXIF tag says."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise UsageError(f"{path}: not an image that can be read; repair or remove it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def readable(paths: Sequence[Path], findings: Findings) -> list[bool]:
    """Say which images can be read; note those that cannot. Every one is decoded once."""
    with ThreadPoolExecutor(os.cpu_count(), "readable") as threads:
        complaints = list(threads.map(_complaint, paths))
    for path, complaint in zip(paths, complaints, strict=True):
        if complaint:
            findings.add(f"{path}: {complaint}; repair or remove it")
    return [not complaint for complaint in complaints]


def _complaint(path: Path) -> str:
    """Return what is wrong with an image; nothing if it is well."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if data.startswith(JPEG_START) and data.rfind(JPEG_END) < data.rfind(JPEG_SCAN):
        return "is cut off: its end is missing"  # decoders fill the rest with grey
    encoded = np.frombuffer(data, np.uint8)
    # an eighth of the size is an eighth of the work, and reads all of the file
    if not len(encoded) or cv2.imdecode(encoded, cv2.IMREAD_REDUCED_COLOR_8) is None:
        return "not an image that can be read"
    return ""
