"""Data sets in YOLO layout: data.yaml, folders of images, and a label file per image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import UsageError
from detector.image_suffixes import is_image
from detector.settings import read_yaml
from trainer.data.data_errors import Findings
from trainer.data.image_files import read_rgb, readable
from trainer.data.labels import class_map, read_yolo, remapped
from trainer.data.samples import Sample


class YoloFolder:
    """One split (`train`, `val`, ...) of a data set in YOLO layout.

    The labels of `images/a/b.jpg` are in `labels/a/b.txt`. All files are checked when it is made.
    """

    random_access = True  # images can be read in any order, by several threads

    def __init__(self, path: Path, split: str, classes: Sequence[str], findings: Findings) -> None:
        """Read the data.yaml at `path`; raises UsageError if it is wrong.

        Wrong images and labels are noted in `findings` and left out.
        """
        content = read_yaml(path)
        names = _names(content, path)
        class_ids = class_map(names, classes, path, findings)
        found = _images(content, split, path)
        good = readable(found, findings)
        self._images = [image for image, is_good in zip(found, good, strict=True) if is_good]
        self._labels = [
            remapped(read_yolo(labels_of(image), len(names), findings), class_ids)
            for image in self._images
        ]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        path, labels = self._images[index], self._labels[index]
        image = read_rgb(path)
        height, width = image.shape[:2]
        boxes = labels.boxes_xyxy * np.array([width, height, width, height], np.float32)
        return Sample(image, boxes, labels.class_ids, str(path), np.zeros((0, 4), np.float32))


def labels_of(image: Path) -> Path:
    """Return the label file of an image: its path with the last `images` replaced by `labels`."""
    parts = list(image.parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts).with_suffix(".txt")


def _names(content: dict[str, Any], path: Path) -> list[str]:
    names = content.get("names")
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise UsageError(f"{path}: 'names' must list the classes, got {names!r}")
    return [str(name) for name in names]


def _images(content: dict[str, Any], split: str, path: Path) -> list[Path]:
    """Return the image files of a split, sorted by path."""
    if not isinstance(content.get(split), str):
        raise UsageError(f"{path}: '{split}' must name a folder of images, but the key is missing")
    folder = path.parent / content.get("path", "") / content[split]
    found = sorted(file for file in folder.rglob("*") if is_image(file))
    if not found:
        raise UsageError(f"{path}: '{split}' names {folder}, which has no images")
    return found
