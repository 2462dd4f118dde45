"""Images as frames: a folder, a glob or a single file, in natural order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from glob import glob
from pathlib import Path
from time import monotonic
from typing import ClassVar

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.errors import UsageError
from detector.image_suffixes import IMAGE_SUFFIXES, is_image
from pipeline.frame import Picture, Stream
from pipeline.sources import Decoded, is_glob
from pipeline.sources.recorded import RecordedSource


class Images(RecordedSource):
    """The images of a folder or glob, of any sizes; `pts` is the position in the sorted list.

    8 bits per channel, alpha dropped, turned upright by their EXIF tag. An image that cannot be
    read is a fault and leaves a gap in time.

    frame_rate: images per second, which sets their times
    Raises UsageError if there are none.
    """

    accepted: ClassVar[str] = "a folder or glob of images"

    def __init__(self, url: str, name: str, *, frame_rate: float = 25.0) -> None:
        super().__init__()
        if frame_rate <= 0:
            raise UsageError(f"{url}: frame_rate: {frame_rate} given: it must be above 0")
        self._url = url
        self._name = name
        self._interval = 1 / Fraction(str(frame_rate))  # 29.97 as it was written
        self._paths = _images_at(url)
        self._faults: list[str] = []

    @staticmethod
    def accepts(url: str) -> bool:
        """Return whether `url` is an image, a folder, or a pattern that is not a file's name."""
        path = Path(url)
        pattern = is_glob(url) and not path.exists()
        return "://" not in url and (is_image(path) or path.is_dir() or pattern)

    @property
    def faults(self) -> list[str]:
        """One line for each image that could not be read."""
        return list(self._faults)

    def open(self) -> Stream:
        """Return the properties that all images share."""
        return Stream(self._name, self._url, self._interval, cut=self._cut)

    def __iter__(self) -> Iterator[Decoded]:
        """Yield every image that can be read."""
        for position, path in enumerate(self._paths):
            if self._cut.is_set():
                return
            bgr = _read(path)
            if bgr is None:
                self._faults.append(f"{path}: not an image that can be read")
            else:
                yield Decoded(position, self._interval, monotonic(), Picture.of(bgr))
        self._ended = True


def _images_at(url: str) -> list[Path]:
    path = Path(url)
    if path.is_dir():
        found = list(path.iterdir())
    elif path.exists():
        found = [path]
    else:
        found = [Path(name) for name in glob(url, recursive=True)]
    images = [path for path in found if is_image(path)]
    if not images:
        endings = ", ".join(IMAGE_SUFFIXES)
        raise UsageError(f"{url}: no images there; their names may end with {endings}")
    return sorted(images, key=_natural)


def _natural(path: Path) -> list[str | int]:
    """Sort frame_2 before frame_10."""
    parts = re.split(r"(\d+)", str(path))
    return [int(part) if part.isdecimal() else part for part in parts]


def _read(path: Path) -> UInt8Array | None:
    """Return (h, w, 3) uint8 BGR, or None. Unlike cv2.imread it takes any name on any system."""
    try:
        content = np.fromfile(path, np.uint8)
        bgr = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except (OSError, cv2.error):
        return None
    return None if bgr is None else np.asarray(bgr, np.uint8)
