"""File names of images: the suffixes that every command accepts, and OpenCV decodes."""

from __future__ import annotations

from pathlib import PurePath

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def is_image(path: PurePath) -> bool:
    """Return whether the name of a file is that of an image, in upper or lower case."""
    return path.suffix.lower() in IMAGE_SUFFIXES
