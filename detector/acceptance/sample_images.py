"""Pictures to calibrate on and to compare engines on: from a clip, a folder, or one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.errors import UsageError
from detector.letterbox import Letterbox
from detector.resources import models

BUNDLED = models("pictures")
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def read_pictures(source: Path, size: tuple[int, int], most: int) -> UInt8Array:
    """Return at most `most` letterboxed pictures, (n, h, w, 3) uint8 RGB, spread over the source.

    source: a video, a folder of pictures (also in folders inside it), or a picture
    Raises UsageError if it cannot be read, or shows nothing.
    """
    if source.is_dir():
        files = sorted(file for file in source.rglob("*") if file.suffix.lower() in ENDINGS)
        pictures = list(_from_files(_spread(files, most)))
    elif source.suffix.lower() in ENDINGS:
        pictures = list(_from_files([source]))
    else:
        pictures = list(_from_clip(source, most))
    if not pictures:
        raise UsageError(
            f"'{source}' shows nothing: give a video, or a folder with {', '.join(ENDINGS)} files"
        )
    return np.stack([_letterboxed(picture, size) for picture in pictures])


def _spread(files: Sequence[Path], most: int) -> Sequence[Path]:
    return [files[i] for i in _places(len(files), most)]


def _places(count: int, most: int) -> list[int]:
    """Return at most `most` of `count` places, as far from each other as can be."""
    chosen = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return [int(place) for place in chosen]


def _from_files(files: Sequence[Path]) -> Iterator[UInt8Array]:
    for file in files:
        bgr = cv2.imread(str(file))
        if bgr is None:
            raise UsageError(f"'{file}' is not a picture that can be read")
        yield np.asarray(bgr, np.uint8)


def _from_clip(clip: Path, most: int) -> Iterator[UInt8Array]:
    """Read it twice, since headers lie about how many frames there are."""
    with _opened(clip) as capture:
        count = 0
        while capture.grab():
            count += 1
    wanted = set(_places(count, most))
    with _opened(clip) as capture:
        for place in range(count):
            capture.grab()
            if place in wanted:
                yield np.asarray(capture.retrieve()[1], np.uint8)


@contextmanager
def _opened(clip: Path) -> Iterator[cv2.VideoCapture]:
    capture = cv2.VideoCapture(str(clip))
    try:
        if not capture.isOpened():
            raise UsageError(f"'{clip}' is no folder, and no video or picture that can be read")
        yield capture
    finally:
        capture.release()


def _letterboxed(bgr: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    return Letterbox.fit((rgb.shape[0], rgb.shape[1]), size).apply(rgb)
