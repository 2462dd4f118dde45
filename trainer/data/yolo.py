"""Data sets in YOLO layout: data.yaml, folders of images, and a label file per image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainer.data.counts import Counts
from trainer.data.data_errors import Findings
from trainer.data.data_yaml import DataYaml
from trainer.data.image_files import read_rgb, sizes_of
from trainer.data.labels import Labels, Unreadable, class_map, read_yolo, remapped
from trainer.data.samples import Sample


class YoloFolder:
    """One split (`train`, `val`, ...) of a data set in YOLO layout.

    The labels of `images/a/b.jpg` are in `labels/a/b.txt`, or else beside it. All files are checked
    when it is made.
    """

    random_access = True  # images can be read in any order, by several threads

    def __init__(self, path: Path, split: str, classes: Sequence[str], findings: Findings) -> None:
        """Read the data.yaml at `path`; raises UsageError if it is wrong.

        Wrong images and labels are noted in `findings` and left out.
        """
        described = DataYaml(path)
        class_ids = class_map(described.names, classes, path, findings)
        found = described.images(split)
        readable = [
            image
            for image, size in zip(found, sizes_of(found, findings), strict=True)
            if size is not None
        ]
        files = [label_file(image) for image in readable]
        if readable and not any(files):
            looked = " and ".join(str(place) for place in label_places(readable[0]))
            findings.add(
                f"{path}: '{split}': none of {len(readable)} images has a label file: looked for "
                f"{looked}, and so on; an image without objects may have an empty file"
            )
        self._images: list[Path] = []
        self._labels: list[Labels] = []
        for image, file in zip(readable, files, strict=True):
            try:
                labels = read_yolo(file, len(described.names), findings) if file else Labels.of([])
            except Unreadable as error:
                findings.add(str(error))  # the image is left out: its objects are not background
                continue
            self._images.append(image)
            self._labels.append(remapped(labels, class_ids))
        self.counts = Counts.of(
            (len(labels.class_ids) for labels in self._labels),
            sum(labels.polygons for labels in self._labels),
        )

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        path, labels = self._images[index], self._labels[index]
        image = read_rgb(path)
        height, width = image.shape[:2]
        boxes = labels.boxes_xyxy * np.array([width, height, width, height], np.float32)
        return Sample(image, boxes, labels.class_ids, str(path), np.zeros((0, 4), np.float32))


def label_file(image: Path) -> Path | None:
    """Return the label file of an image, None if there is none."""
    return next((place for place in label_places(image) if place.is_file()), None)


def label_places(image: Path) -> list[Path]:
    """Return where the labels of an image may be.

    In its path with an `images` replaced by `labels`, the last one first, or beside the image.
    """
    parts, suffix = image.parts, ".txt"
    places = [
        Path(*parts[:k], "labels", *parts[k + 1 :]).with_suffix(suffix)
        for k in reversed(range(len(parts) - 1))
        if parts[k] == "images"
    ]
    return [*places, image.with_suffix(suffix)]
