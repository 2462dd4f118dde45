"""Images scaled to the network's input once, then cached in memory, on disk, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from detector.detections import Float32Array, Int64Array, UInt8Array
from detector.errors import UsageError
from trainer.data.labelled_image import LabelledImage
from trainer.data.samples import Dataset, Part

Cache = Literal["ram", "disk", "none"]
READ_AHEAD = 256  # images


class LabelledImages(Protocol):
    """Labelled images by position, for any thread."""

    def __len__(self) -> int:
        """Return the number of images."""

    def __getitem__(self, index: int, /) -> LabelledImage:
        """Return an image scaled to fit the network's input, without padding."""


@dataclass(frozen=True, slots=True)
class Uncached:
    """Images that are read each time, scaled to fit `size` (height, width)."""

    dataset: Dataset
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int, /) -> LabelledImage:
        return LabelledImage.fitted(self.dataset[index], self.size)


def cache_images(
    dataset: Part, size: tuple[int, int], cache: Cache, folder: Path
) -> LabelledImages:
    """Return the images of `dataset` scaled to fit `size` (height, width), cached as `cache` says.

    Raises UsageError for a clip without a cache, because a clip can only be read in order.
    """
    threads = (os.cpu_count() or 1) if dataset.random_access else 1
    if cache == "ram":
        return cached_in_memory(dataset, size, threads)
    if cache == "disk":
        return cached_on_disk(dataset, size, folder, threads)
    if not dataset.random_access:
        raise UsageError(
            "data.cache: 'none' given, but a clip can only be read in order: give ram or disk"
        )
    return Uncached(dataset, size)


def cached_in_memory(
    dataset: Dataset, size: tuple[int, int], threads: int = 1
) -> list[LabelledImage]:
    """Return all images scaled to fit `size`, each at most height x width x 3 bytes.

    A repeated image is the same object. threads: number of reading threads
    """
    once: dict[str, LabelledImage] = {}
    return [once.setdefault(key, labelled) for key, labelled in _fitted(dataset, size, threads)]


def cached_on_disk(
    dataset: Dataset, size: tuple[int, int], folder: Path, threads: int = 1
) -> list[LabelledImage]:
    """Return the same images as `cached_in_memory`, with their pixels in a file in `folder`.

    The file has no name and vanishes when the process ends, however it ends. Raises UsageError if
    the disk is full.
    """
    order: list[str] = []
    stored: dict[str, _Stored] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            for key, labelled in _fitted(dataset, size, threads):
                order.append(key)
                if key not in stored:
                    stored[key] = _Stored(
                        file.tell(), labelled.size, labelled.boxes_xyxy, labelled.class_ids
                    )
                    file.write(labelled.image.tobytes())
            file.flush()
        except OSError as error:
            raise UsageError(f"{folder}: no room for the cache: {error.strerror}") from error
        pixels: UInt8Array = np.memmap(file, np.uint8, "r")
    once = {key: each.read(pixels) for key, each in stored.items()}
    return [once[key] for key in order]


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """An image whose pixels are in a file, from byte `start` on."""

    start: int
    size: tuple[int, int]
    boxes_xyxy: Float32Array
    class_ids: Int64Array

    def read(self, pixels: UInt8Array) -> LabelledImage:
        height, width = self.size
        image = pixels[self.start : self.start + height * width * 3].reshape(height, width, 3)
        return LabelledImage(image, self.boxes_xyxy, self.class_ids)


def _fitted(
    dataset: Dataset, size: tuple[int, int], threads: int
) -> Iterator[tuple[str, LabelledImage]]:
    """Yield the key of each sample and its image scaled to fit `size`, in order."""

    def read(index: int) -> tuple[str, LabelledImage]:
        sample = dataset[index]
        return sample.key, LabelledImage.fitted(sample, size)

    with ThreadPoolExecutor(threads, "images") as pool:
        for start in range(0, len(dataset), READ_AHEAD):  # bounds the images in flight
            yield from pool.map(read, range(start, min(start + READ_AHEAD, len(dataset))))
