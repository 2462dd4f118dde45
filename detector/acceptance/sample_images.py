"""Images to calibrate on and to compare engines on: from a video, a folder, or one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.errors import UsageError
from detector.image_suffixes import IMAGE_SUFFIXES, is_image
from detector.jpeg import is_jpeg, structure_of
from detector.letterbox import Letterbox
from detector.resources import models

BUNDLED = models("sample_images")


def read_images(source: Path, size: tuple[int, int], max_images: int) -> UInt8Array:
    """Return at most `max_images` letterboxed images, (n, h, w, 3) uint8 RGB, evenly spaced.

    source: a video, a folder of images (searched recursively), or one image
    Raises UsageError if the source cannot be read or has no images.
    """
    if source.is_dir():
        files = sorted(file for file in source.rglob("*") if is_image(file))
        images = list(_from_files([files[i] for i in _spread(len(files), max_images)]))
    elif is_image(source):
        images = list(_from_files([source]))
    else:
        images = list(_from_video(source, max_images))
    if not images:
        raise UsageError(
            f"'{source}' has no images: give a video, or a folder with {', '.join(IMAGE_SUFFIXES)} "
            "files"
        )
    return np.stack([_letterboxed(image, size) for image in images])


def _spread(count: int, max_count: int) -> list[int]:
    """Return at most `max_count` evenly spaced indices below `count`, first and last included."""
    chosen = np.linspace(0, count - 1, min(count, max_count)).round().astype(int)
    return [int(index) for index in chosen]


def _from_files(files: Sequence[Path]) -> Iterator[UInt8Array]:
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UsageError(f"'{file}' cannot be read: {error.strerror}") from error
        if is_jpeg(data) and not structure_of(data).complete:
            raise UsageError(f"'{file}' is cut off: its end is missing: repair or remove it")
        yield _decoded(file, data)


def _decoded(file: Path, data: bytes) -> UInt8Array:
    """Return the image in a file as (h, w, 3) uint8 BGR."""
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:  # it is too large
        bgr = None
    if bgr is None:
        raise UsageError(f"'{file}' is not an image that can be read: repair or remove it")
    return np.asarray(bgr, np.uint8)


def _from_video(video: Path, max_images: int) -> Iterator[UInt8Array]:
    """Read the video twice: the frame count in its header is not reliable."""
    with _opened(video) as capture:
        count = 0
        while capture.grab():
            count += 1
    wanted = set(_spread(count, max_images))
    with _opened(video) as capture:
        for index in range(count):
            capture.grab()
            if index in wanted:
                yield np.asarray(capture.retrieve()[1], np.uint8)


@contextmanager
def _opened(video: Path) -> Iterator[cv2.VideoCapture]:
    capture = cv2.VideoCapture(str(video))
    try:
        if not capture.isOpened():
            raise UsageError(f"'{video}' is not a folder, and not a video or image we can read")
        yield capture
    finally:
        capture.release()


def _letterboxed(bgr: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    return Letterbox.fit((rgb.shape[0], rgb.shape[1]), size).apply(rgb)
