"""Data sets in COCO's JSON format: images, categories, annotations and crowds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import UsageError
from trainer.data.data_errors import Findings
from trainer.data.image_files import read_rgb, readable
from trainer.data.labels import class_map
from trainer.data.samples import Sample

ROUNDING = 1.0  # pixels that a box may reach beyond its image


@dataclass(slots=True)
class _Objects:
    """The annotations of one image; crowds are separate."""

    boxes: list[list[float]] = field(default_factory=list)
    class_ids: list[int] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    crowds: list[list[float]] = field(default_factory=list)
    crowd_class_ids: list[int] = field(default_factory=list)
    seen: set[tuple[float, ...]] = field(default_factory=set)


class CocoFile:
    """The images of an annotation file in COCO's format.

    A crowd becomes a region to ignore for its class. The area of an object is that of its annotated
    outline.
    """

    random_access = True  # images can be read in any order, by several threads

    def __init__(
        self, path: Path, images: Path, classes: Sequence[str], findings: Findings
    ) -> None:
        """Read the JSON at `path`, whose images are in the folder `images`.

        Wrong annotations are noted in `findings` and left out, or cut to the image. Raises
        UsageError if the file has another format.
        """
        self._where = path
        content = _read(path)
        try:
            files = [(each["id"], images / each["file_name"]) for each in content["images"]]
            sizes = {each["id"]: (each["height"], each["width"]) for each in content["images"]}
            names = {each["id"]: str(each["name"]) for each in content["categories"]}
            annotations = content["annotations"]
        except (KeyError, TypeError) as error:
            raise UsageError(f"{path}: not in COCO's format: {error} is missing") from error
        used = {annotation.get("category_id") for annotation in annotations}
        names = {number: name for number, name in names.items() if number in used}
        ids = class_map(list(names.values()), classes, path, findings)
        class_ids = dict(zip(names, ids.tolist(), strict=True))
        self._objects: dict[Any, _Objects] = defaultdict(_Objects)
        for annotation in annotations:
            with findings.noted():
                self._take(annotation, sizes, class_ids, findings)
        good = readable([place for _, place in files], findings)
        self._images = [file for file, is_good in zip(files, good, strict=True) if is_good]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        image_id, path = self._images[index]
        objects = self._objects[image_id]
        return Sample(
            read_rgb(path),
            _boxes(objects.boxes),
            np.array(objects.class_ids, np.int64),
            str(path),
            _boxes(objects.crowds),
            np.array(objects.crowd_class_ids, np.int64),
            np.array(objects.areas, np.float32),
        )

    def _take(
        self,
        annotation: Mapping[str, Any],
        sizes: Mapping[Any, tuple[int, int]],
        class_ids: Mapping[Any, int],
        findings: Findings,
    ) -> None:
        """Add an annotation to its image. Raises UsageError if it is wrong."""
        where = f"{self._where}: annotation {annotation.get('id')}"
        image_id, category_id = annotation.get("image_id"), annotation.get("category_id")
        if image_id not in sizes:
            raise UsageError(f"{where}: no image has the id {image_id!r}")
        if category_id not in class_ids:
            raise UsageError(f"{where}: no category has the id {category_id!r}")
        class_id = class_ids[category_id]
        if class_id < 0:
            return  # class_map has noted this class
        box, complaint = _box(annotation.get("bbox"), sizes[image_id])
        if complaint:
            findings.add(f"{where}: {complaint}")
        if box is None:
            return
        objects = self._objects[image_id]
        crowd = bool(annotation.get("iscrowd", 0))
        if (class_id, crowd, *box) in objects.seen:
            raise UsageError(f"{where}: occurs twice: same class, box and image")
        objects.seen.add((class_id, crowd, *box))
        if crowd:
            objects.crowds.append(box)
            objects.crowd_class_ids.append(class_id)
        else:
            objects.boxes.append(box)
            objects.class_ids.append(class_id)
            objects.areas.append(float(annotation.get("area", _area(box))))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: not in COCO's format: an object is expected at the top")
    return content


def _box(given: Any, size: tuple[int, int]) -> tuple[list[float] | None, str]:
    """Return an x, y, w, h box as xyxy, cut to a (height, width) image, and what is wrong."""
    try:
        x, y, w, h = (float(value) for value in given)
    except (TypeError, ValueError):
        return None, f"bbox {given!r}: x, y, width and height are expected"
    height, width = size
    box = [x, y, x + w, y + h]
    if not (np.isfinite(box).all() and w > 0 and h > 0):
        return None, f"bbox {given}: width and height must be above 0"
    if min(x, y) >= -ROUNDING and box[2] <= width + ROUNDING and box[3] <= height + ROUNDING:
        return box, ""
    inside = [max(x, 0.0), max(y, 0.0), min(box[2], width), min(box[3], height)]
    complaint = f"bbox {given}: reaches beyond the image of {width} x {height} pixels"
    return (inside if _area(inside) > 0 else None), complaint


def _area(box: Sequence[float]) -> float:
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def _boxes(rows: Sequence[Sequence[float]]) -> Any:
    return np.array(rows, np.float32).reshape(-1, 4)
