"""Data sets in COCO's JSON format: images, categories, annotations and crowds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import UsageError
from detector.labels.coco.fields import (
    Annotation,
    ImageEntry,
    annotation,
    category,
    image_entry,
    read_coco,
)
from detector.labels.labelled import Size
from trainer.data.counts import Counts
from trainer.data.data_errors import Findings
from trainer.data.image_files import read_rgb, sizes_of
from trainer.data.labels import class_map
from trainer.data.samples import Sample

ROUNDING = 1.0  # pixels that a box may reach beyond its image
SAME_SHAPE = 0.01  # difference of the factors in both directions, from which an image was cut


@dataclass(slots=True)
class _Objects:
    """The annotations of one image; crowds are separate. Boxes are in pixels of the JSON."""

    boxes: list[Sequence[float]] = field(default_factory=list)
    class_ids: list[int] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    crowds: list[Sequence[float]] = field(default_factory=list)
    crowd_class_ids: list[int] = field(default_factory=list)
    outlines: int = 0
    seen: set[tuple[float, ...]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Image:
    """An image file, and the sizes (height, width) that the JSON states and that it has."""

    path: Path
    stated: Size
    size: Size
    objects: _Objects

    @property
    def factor(self) -> Any:
        """(4,) from the coordinates of the JSON to those of the file."""
        return np.tile(np.array(self.size[::-1]) / np.array(self.stated[::-1]), 2)


class CocoFile:
    """The images of an annotation file in COCO's format.

    A crowd becomes a region to ignore for its class. The area of an object is that of its annotated
    outline. An annotation without a box gets that of its outline.
    """

    random_access = True  # images can be read in any order, by several threads

    def __init__(
        self, path: Path, images: Path, classes: Sequence[str], findings: Findings
    ) -> None:
        """Read the JSON at `path`, whose images are in the folder `images`.

        Wrong annotations are noted in `findings` and left out, or cut to the image; so are images
        that have another size than the JSON states, whose boxes are scaled if the shape is the
        same. Raises UsageError if the file has another format.
        """
        self._where = path
        content = read_coco(path)
        self._images: dict[str, _Image] = {}
        self._left_out: set[str] = set()
        self._add_images(content["images"], images, findings)
        annotations = []
        for number, item in enumerate(content["annotations"]):
            with findings.noted():
                where = f"{path}: annotation {item.get('id', f'at position {number}')}"
                annotations.append(annotation(item, where))
        class_ids = self._class_ids(content["categories"], annotations, classes, findings)
        for each in annotations:
            with findings.noted():
                self._take(each, class_ids, findings)
        self._order = list({image.path: image for image in self._images.values()}.values())
        found = [image.objects for image in self._order]
        self.counts = Counts.of(
            (len(objects.boxes) for objects in found), sum(objects.outlines for objects in found)
        )

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> Sample:
        image = self._order[index]
        objects, factor = image.objects, image.factor
        return Sample(
            read_rgb(image.path),
            _boxes(objects.boxes, factor),
            np.array(objects.class_ids, np.int64),
            str(image.path),
            _boxes(objects.crowds, factor),
            np.array(objects.crowd_class_ids, np.int64),
            (np.array(objects.areas) * factor[0] * factor[1]).astype(np.float32),
        )

    def _add_images(
        self, items: Sequence[Mapping[str, Any]], folder: Path, findings: Findings
    ) -> None:
        """Add the images that can be read, and whose size is the stated one or can be mended."""
        entries = [
            image_entry(item, f"{self._where}: images[{number}]")
            for number, item in enumerate(items)
        ]
        paths = [folder / entry.file_name for entry in entries]
        by_path: dict[Path, _Image] = {}
        for entry, path, size in zip(entries, paths, sizes_of(paths, findings), strict=True):
            where = f"{self._where}: image {entry.id} ({entry.file_name})"
            if entry.id in self._images or entry.id in self._left_out:
                findings.add(f"{where}: the id occurs twice; its later image is left out")
            elif size is None:
                self._left_out.add(entry.id)
            elif path in by_path:
                findings.add(f"{where}: the file occurs twice; the labels of both are joined")
                self._images[entry.id] = by_path[path]
            elif complaint := _size_complaint(entry, size):
                findings.add(f"{where}: {complaint}")
                if _is_scaled(entry.size, size):
                    self._add(entry, path, size, by_path)
                else:
                    self._left_out.add(entry.id)
            else:
                self._add(entry, path, size, by_path)

    def _add(self, entry: ImageEntry, path: Path, size: Size, by_path: dict[Path, _Image]) -> None:
        image = _Image(path, entry.size or size, size, _Objects())
        self._images[entry.id] = by_path[path] = image

    def _class_ids(
        self,
        items: Sequence[Mapping[str, Any]],
        annotations: Sequence[Annotation],
        classes: Sequence[str],
        findings: Findings,
    ) -> dict[str, int]:
        """Return the class of each category that is used, -1 for one that is not to be trained."""
        names: dict[str, str] = {}
        for number, item in enumerate(items):
            key, name = category(item, f"{self._where}: categories[{number}]")
            if names.setdefault(key, name) != name:
                raise UsageError(
                    f"{self._where}: categories: the id {key} stands for '{names[key]}' and for "
                    f"'{name}': give each its own"
                )
        used = {each.category_id for each in annotations}
        names = {key: name for key, name in names.items() if key in used}
        ids = class_map(list(names.values()), classes, self._where, findings)
        return dict(zip(names, ids.tolist(), strict=True))

    def _take(self, given: Annotation, class_ids: Mapping[str, int], findings: Findings) -> None:
        """Add an annotation to its image. Raises UsageError if it is wrong."""
        if given.image_id in self._left_out:
            return  # that is noted already
        image = self._images.get(given.image_id)
        if image is None:
            raise UsageError(f"{given.where}: no image has the id {given.image_id}")
        if given.category_id not in class_ids:
            raise UsageError(f"{given.where}: no category has the id {given.category_id}")
        class_id = class_ids[given.category_id]
        if class_id < 0:
            return  # class_map has noted this class
        box, complaint = _box(given.box, image.stated)
        if complaint:
            findings.add(f"{given.where}: {complaint}")
        if box is None:
            return
        objects = image.objects
        if (class_id, given.is_crowd, *box) in objects.seen:
            raise UsageError(f"{given.where}: occurs twice: same class, box and image")
        objects.seen.add((class_id, given.is_crowd, *box))
        if given.is_crowd:
            objects.crowds.append(box)
            objects.crowd_class_ids.append(class_id)
        else:
            objects.boxes.append(box)
            objects.class_ids.append(class_id)
            objects.areas.append(_area(box) if given.area is None else given.area)
            objects.outlines += given.is_outline


def _size_complaint(entry: ImageEntry, size: Size) -> str:
    """Return how the stated size differs from that of the file; empty if it does not."""
    if entry.size is None or entry.size == size:
        return ""
    mended = "scales the boxes" if _is_scaled(entry.size, size) else "leaves it out, for its shape"
    return (
        f"{_shown(entry.size)} pixels in the JSON, but the file has {_shown(size)} (mend {mended})"
    )


def _is_scaled(stated: Size | None, size: Size) -> bool:
    """Return whether an image of the stated size was scaled to `size`, in both directions alike."""
    if stated is None or 0 in stated:
        return False
    down, across = (there / here for here, there in zip(stated, size, strict=True))
    rounding = 1 / min(size)
    return abs(down / across - 1) <= max(SAME_SHAPE, rounding)


def _shown(size: Size) -> str:
    return f"{size[1]} x {size[0]}"


def _box(given: Sequence[float], size: Size) -> tuple[Sequence[float] | None, str]:
    """Return an x, y, w, h box as xyxy, cut to a (height, width) image, and what is wrong."""
    x, y, w, h = given
    height, width = size
    box = [x, y, x + w, y + h]
    shown = ", ".join(f"{value:g}" for value in given)
    if not (np.isfinite(box).all() and w > 0 and h > 0):
        return None, f"bbox [{shown}]: width and height must be above 0"
    if min(x, y) >= -ROUNDING and box[2] <= width + ROUNDING and box[3] <= height + ROUNDING:
        return box, ""
    inside = [max(x, 0.0), max(y, 0.0), min(box[2], width), min(box[3], height)]
    complaint = f"bbox [{shown}]: reaches beyond the image of {width} x {height} pixels"
    return (inside if _area(inside) > 0 else None), complaint


def _area(box: Sequence[float]) -> float:
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def _boxes(rows: Sequence[Sequence[float]], factor: Any) -> Any:
    return (np.array(rows, np.float64).reshape(-1, 4) * factor).astype(np.float32)
