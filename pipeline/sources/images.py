"""Images as frames: a folder, a glob or a single file, in natural order."""

from __future__ import annotations

import logging
import os
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
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.sources import Decoded, Skipped, is_glob
from pipeline.sources.image_header import image_header
from pipeline.sources.pixel_limit import PixelLimit, TooManyPixels
from pipeline.sources.recorded import RecordedSource

_log = logging.getLogger(__name__)


class Images(RecordedSource):
    """The images of a folder or glob, of any sizes; `pts` is the position in the sorted list.

    8 bits per channel, alpha dropped, turned upright by their EXIF tag. An image that cannot be
    read is a fault, keeps its number, and leaves a gap in time. Other files of a folder are counted
    in a warning, and so are further pages or frames of an image.

    frame_rate: images per second, which sets their times
    max_pixels: of an image; a larger one is not decoded
    Raises UsageError if there are none.
    """

    accepted: ClassVar[str] = "a folder or glob of images"

    def __init__(
        self, url: str, name: str, *, frame_rate: float = 25.0, max_pixels: int = 2**26
    ) -> None:
        super().__init__()
        if frame_rate <= 0:
            raise UsageError(f"{url}: frame_rate: {frame_rate} given: it must be above 0")
        self._url = url
        self._limit = PixelLimit.given(max_pixels, url)
        self._name = name
        self._interval = 1 / Fraction(str(frame_rate))  # 29.97 as it was written
        self._paths, self._others = _images_at(url)
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
        """Return the properties that all images share; say which files are left out."""
        if self._others:
            _log.warning(
                "%s: %d of %d files are left out, because their names are not those of images: %s",
                *(self._url, len(self._others), len(self._others) + len(self._paths)),
                _some(self._others),
            )
        common = Path(os.path.commonpath([path.parent for path in self._paths]))
        files = tuple(path.relative_to(common).as_posix() for path in self._paths)
        return Stream(self._name, self._url, self._interval, files=files, cut=self._cut)

    def __iter__(self) -> Iterator[Decoded | Skipped]:
        """Yield every image, and a Skipped for each that cannot be read."""
        for position, path in enumerate(self._paths):
            if self._cut.is_set():
                return
            yield self._decoded(position, path)
        self._ended = True

    def _decoded(self, position: int, path: Path) -> Decoded | Skipped:
        try:
            content = path.read_bytes()
        except OSError as error:
            return self._skipped(path, f"cannot be read: {error.strerror}")
        header = image_header(content)
        try:
            self._limit.check_header(content)
        except TooManyPixels as error:
            return self._skipped(path, str(error))
        bgr = _decode(content) if header else None
        if bgr is None:
            return self._skipped(path, "not an image that can be read")
        if header and header.several:
            self._faults.append(f"{path}: it has several {header.several}: only the first is read")
        return Decoded(position, self._interval, monotonic(), Picture.of(bgr))

    def _skipped(self, path: Path, why: str) -> Skipped:
        self._faults.append(f"{path}: {why}")
        return Skipped("an image that cannot be read")


def _images_at(url: str) -> tuple[list[Path], list[Path]]:
    """Return the images in natural order, and the files that are none."""
    path = Path(url)
    if path.is_dir():
        found = [each for each in path.iterdir() if not each.name.startswith(".")]
    elif path.exists():
        found = [path]
    else:
        found = [Path(name) for name in glob(url, recursive=True)]
    found = sorted(found, key=_natural)
    images = [path for path in found if is_image(path)]
    if not images:
        endings = ", ".join(IMAGE_SUFFIXES)
        raise UsageError(f"{url}: no images there; their names may end with {endings}")
    return images, [path for path in found if not is_image(path) and path.is_file()]


def _some(paths: list[Path]) -> str:
    """Return the names of the first files, in a line."""
    names = ", ".join(path.name for path in paths[:5])
    return f"{names}, ..." if len(paths) > 5 else names


def _natural(path: Path) -> list[str | int]:
    """Sort frame_2 before frame_10."""
    parts = re.split(r"(\d+)", str(path))
    return [int(part) if part.isdecimal() else part for part in parts]


def _decode(content: bytes) -> UInt8Array | None:
    """Return (h, w, 3) uint8 BGR, or None."""
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if bgr is None else np.asarray(bgr, np.uint8)
