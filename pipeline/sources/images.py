"""Pictures in files: a folder, a glob, or a single image, in the order a person would sort them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from glob import glob
from pathlib import Path
from threading import Event
from time import monotonic

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.errors import UsageError
from detector.image_suffixes import IMAGE_SUFFIXES, is_image
from pipeline.frame import Picture, Stream
from pipeline.sources import Decoded


class Images:
    """The pictures of a folder or glob, of any sizes; `pts` is the position in the sorted list.

    8 bits per channel, alpha dropped, turned upright by their EXIF tag. One that cannot be read
    is a fault and leaves its place in time empty.

    frame_rate: pictures per second, which gives them their times
    Raises UsageError where there are none.
    """

    def __init__(self, url: str, name: str, *, frame_rate: float = 25.0) -> None:
        if frame_rate <= 0:
            raise UsageError(f"{url}: frame_rate: {frame_rate} given: it must be above 0")
        self._url = url
        self._name = name
        self._interval = 1 / Fraction(str(frame_rate))  # 29.97 as it was written
        self._paths = _pictures_at(url)
        self._cut = Event()
        self._ended = False
        self._faults: list[str] = []

    @property
    def faults(self) -> list[str]:
        """A line for each picture that could not be read."""
        return list(self._faults)

    def open(self) -> Stream:
        """Return what is true of all pictures."""
        return Stream(self._name, self._url, self._interval, cut=self._cut)

    def __iter__(self) -> Iterator[Decoded]:
        """Yield every picture that can be read."""
        for position, path in enumerate(self._paths):
            if self._cut.is_set():
                return
            bgr = _read(path)
            if bgr is None:
                self._faults.append(f"{path}: no picture that can be read")
            else:
                yield Decoded(position, self._interval, monotonic(), Picture.of(bgr))
        self._ended = True

    def stop(self) -> None:
        """Read no further."""
        if not self._ended:
            self._cut.set()

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _pictures_at(url: str) -> list[Path]:
    path = Path(url)
    if path.is_dir():
        found = list(path.iterdir())
    elif path.exists():
        found = [path]
    else:
        found = [Path(name) for name in glob(url, recursive=True)]
    pictures = [path for path in found if is_image(path)]
    if not pictures:
        endings = ", ".join(IMAGE_SUFFIXES)
        raise UsageError(f"{url}: no pictures there; their names may end with {endings}")
    return sorted(pictures, key=_natural)


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
