"""Pictures scaled for the network once, and kept in memory or on disk, or not kept at all."""

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
from trainer.data.labelled_image import Picture
from trainer.data.samples import Dataset, Part

Cache = Literal["ram", "disk", "none"]
AHEAD = 256  # pictures


class Pictures(Protocol):
    """Pictures by position, from any thread."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, index: int, /) -> Picture:
        """Return one, as large as the network's input allows, not padded."""


@dataclass(frozen=True, slots=True)
class Uncached:
    """Pictures that are read anew each time, scaled to fit `size` (height, width)."""

    dataset: Dataset
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int, /) -> Picture:
        return Picture.fitted(self.dataset[index], self.size)


def keep(dataset: Part, size: tuple[int, int], cache: Cache, folder: Path) -> Pictures:
    """Return the pictures of `dataset` scaled to fit `size` (height, width), kept as `cache` says.

    Raises UsageError if a clip, which is read in order, is not to be kept.
    """
    threads = (os.cpu_count() or 1) if dataset.at_random else 1
    if cache == "ram":
        return kept_in_memory(dataset, size, threads)
    if cache == "disk":
        return kept_on_disk(dataset, size, folder, threads)
    if not dataset.at_random:
        raise UsageError(
            "data.cache: 'none' given, but a clip can only be read in order: give ram or disk"
        )
    return Uncached(dataset, size)


def kept_in_memory(dataset: Dataset, size: tuple[int, int], threads: int = 1) -> list[Picture]:
    """Return every picture scaled to fit `size`: height x width x 3 bytes each, at most.

    Those that the data set repeats are the same object. threads: that read at the same time
    """
    once: dict[str, Picture] = {}
    return [once.setdefault(key, picture) for key, picture in _fitted(dataset, size, threads)]


def kept_on_disk(
    dataset: Dataset, size: tuple[int, int], folder: Path, threads: int = 1
) -> list[Picture]:
    """Return what `kept_in_memory` does, with the pixels in a file in `folder`.

    The file has no name, and is gone when the process is, however that ends. Raises UsageError if
    the disk is full.
    """
    order: list[str] = []
    stored: dict[str, _Stored] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            for key, picture in _fitted(dataset, size, threads):
                order.append(key)
                if key not in stored:
                    stored[key] = _Stored(
                        file.tell(), picture.size, picture.boxes_xyxy, picture.class_ids
                    )
                    file.write(picture.image.tobytes())
            file.flush()
        except OSError as error:
            raise UsageError(f"{folder}: no room for the cache: {error.strerror}") from error
        pixels: UInt8Array = np.memmap(file, np.uint8, "r")
    once = {key: each.picture(pixels) for key, each in stored.items()}
    return [once[key] for key in order]


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """A picture whose pixels are in a file, from `start` on."""

    start: int
    size: tuple[int, int]
    boxes_xyxy: Float32Array
    class_ids: Int64Array

    def picture(self, pixels: UInt8Array) -> Picture:
        height, width = self.size
        image = pixels[self.start : self.start + height * width * 3].reshape(height, width, 3)
        return Picture(image, self.boxes_xyxy, self.class_ids)


def _fitted(dataset: Dataset, size: tuple[int, int], threads: int) -> Iterator[tuple[str, Picture]]:
    """Yield the key of every sample and its picture scaled to fit `size`, in order."""

    def read(index: int) -> tuple[str, Picture]:
        sample = dataset[index]
        return sample.key, Picture.fitted(sample, size)

    with ThreadPoolExecutor(threads, "pictures") as pool:
        for start in range(0, len(dataset), AHEAD):  # no more than so many wait to be kept
            yield from pool.map(read, range(start, min(start + AHEAD, len(dataset))))
