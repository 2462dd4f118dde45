"""Which images a data.yaml or obj.data names, and where their labels are."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from detector.errors import UsageError
from detector.image_suffixes import is_image
from detector.labels.findings import Findings
from detector.labels.frame_names import natural
from detector.labels.label_files import LabelFiles
from detector.labels.yolo.text import text_of

OURS = "framelane"  # a key in data.yaml
DARKNET = re.compile("obj_.+_data")  # its folder of images and boxes
NO_SPLITS = ("names", "path", "nc", "download", "yaml_file", OURS)


@dataclass(frozen=True, slots=True)
class YoloImage:
    """An image of a split: the names of its files, and where it is below the images."""

    split: str
    image: str
    labels: str
    inside: PurePosixPath


class Listing:
    """Which images a data.yaml names, whether their files are there or not."""

    def __init__(self, files: LabelFiles, yaml: str, content: Mapping[str, Any]) -> None:
        self._files = files
        self._known = set(files.names)
        self._base = posixpath.dirname(yaml)
        self._where = files.where(yaml)
        self._content = content

    def images(self, findings: Findings) -> Iterator[YoloImage]:
        """Yield the images of all splits, each once."""
        seen = set()
        for split, value in self._content.items():
            if split in NO_SPLITS or not isinstance(value, str | list) or not value:
                continue
            for each in value if isinstance(value, list) else [value]:
                with findings.noted():
                    for image in self._named(str(split), str(each)):
                        if image.labels not in seen:
                            seen.add(image.labels)
                            yield image

    def _named(self, split: str, value: str) -> Iterator[YoloImage]:
        for place in self._places(value):
            if place.endswith(".txt") and place in self._known:
                yield from self._listed(split, place)
                return
            inside = f"{place}/" if place else ""
            images = [
                n for n in self._files.names if n.startswith(inside) and is_image(PurePosixPath(n))
            ]
            if not images:
                folder = f"{_labels_place(inside)}"
                images = [
                    n for n in self._files.names if n.startswith(folder) and n.endswith(".txt")
                ]
                images = [inside + n[len(folder) :] for n in images] if folder != inside else []
            if images:
                for image in sorted(images, key=natural):
                    yield self._image(split, image, PurePosixPath(image[len(inside) :]))
                return
        raise UsageError(f"{self._where}: '{split}' names '{value}', where no images or labels are")

    def _places(self, value: str) -> Iterator[str]:
        """Yield where a value may lead, best first; tools differ in what it is relative to."""
        stripped = value.replace("\\", "/")
        path = self._content.get("path")
        inner = posixpath.join(path, stripped) if isinstance(path, str) else stripped
        for each in (inner, stripped, stripped.lstrip("./")):
            place = posixpath.normpath(posixpath.join(self._base, each))
            if not place.startswith(("..", "/")):
                yield "" if place == "." else place

    def _listed(self, split: str, file: str) -> Iterator[YoloImage]:
        lines = text_of(self._files, file).splitlines()
        for line in (each.strip().replace("\\", "/") for each in lines):
            if not line:
                continue
            parts = [part for part in PurePosixPath(line).parts if part not in (".", "/")]
            # CVAT lists data/images/... for images/..., others list absolute paths
            ends = (parts[k:] for k in range(len(parts)))
            parts = next(filter(self._is_there, ends), parts)
            while "images" in parts[1:] and not self._is_there(parts):
                parts = parts[1:]
            image = posixpath.normpath(posixpath.join(self._base, *parts))
            yield self._image(split, image, _below_images(image, split))

    def _is_there(self, parts: Sequence[str]) -> bool:
        image = posixpath.join(self._base, *parts)
        return not self._known.isdisjoint((image, _labels_file(image), _beside(image)))

    def _image(self, split: str, image: str, inside: PurePosixPath) -> YoloImage:
        labels = _labels_file(image)
        return YoloImage(split, image, labels if labels in self._known else _beside(image), inside)


def _labels_place(folder: str) -> str:
    """Return a folder with its last part `images` replaced by `labels`."""
    parts = folder.split("/")
    for k in reversed(range(len(parts))):
        if parts[k] == "images":
            return "/".join([*parts[:k], "labels", *parts[k + 1 :]])
    return folder


def _labels_file(image: str) -> str:
    return str(PurePosixPath(_labels_place(image)).with_suffix(".txt"))


def _beside(image: str) -> str:
    return str(PurePosixPath(image).with_suffix(".txt"))


def _below_images(image: str, split: str) -> PurePosixPath:
    """Return the path of an image below the folder of its split."""
    parts = PurePosixPath(image).parts
    for k in reversed(range(len(parts) - 1)):
        if parts[k] == "images":
            inside = parts[k + 1 :]
            return PurePosixPath(*(inside[1:] if inside[0] == split and inside[1:] else inside))
        if DARKNET.fullmatch(parts[k]):
            return PurePosixPath(*parts[k + 1 :])
    return PurePosixPath(parts[-1])
