"""The fields of a JSON in COCO's format: each is checked, whatever wrote it.

Numbers may be written as text, and ids as either. What may be missing is None. An error names the
place, what was given, and what is expected.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.text_file import decoded

Size = tuple[int, int]  # height and width, pixels
KEYS = ("images", "categories", "annotations")
MAX_SHOWN = 80  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """An image: its id, the name of its file, and its size if the JSON states it."""

    id: str
    file_name: str
    size: Size | None


@dataclass(frozen=True, slots=True)
class Annotation:
    """An object: its box as x, y, w, h, its area if it is stated, and whether it is a crowd.

    is_outline: the box is that of the outline, because the annotation has none
    """

    where: str
    image_id: str
    category_id: str
    box: Sequence[float]
    area: float | None
    is_crowd: bool
    is_outline: bool


def read_coco(path: Path) -> Mapping[str, list[Mapping[str, Any]]]:
    """Return the lists `images`, `categories` and `annotations` of a file; their items are objects.

    Raises UsageError if the file has another format.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    content = read_json(data, str(path))
    if not isinstance(content, dict):
        raise UsageError(f"{path}: not in COCO's format: an object is expected at the top")
    return {key: objects(content, key, str(path)) for key in KEYS}


def read_json(data: bytes, where: str) -> Any:
    """Return the content of a JSON. Raises UsageError if it is none."""
    try:
        return json.loads(decoded(data))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise UsageError(f"{where}: not valid JSON: {reason}") from error


def objects(content: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
    """Return a list of a JSON in COCO's format; its items are objects. Raises UsageError."""
    if key not in content:
        raise UsageError(f"{where}: not in COCO's format: '{key}' is missing")
    values = content[key]
    if not isinstance(values, list):
        raise UsageError(
            f"{where}: not in COCO's format: '{key}': {shown(values)} given: a list is expected"
        )
    for number, value in enumerate(values):
        if not isinstance(value, dict):
            raise UsageError(
                f"{where}: not in COCO's format: {key}[{number}]: {shown(value)} given: an object "
                "is expected"
            )
    return values


def image_entry(image: Mapping[str, Any], where: str) -> ImageEntry:
    """Return an item of `images`. Raises UsageError if it has no id or file name."""
    name = image.get("file_name")
    if not isinstance(name, str) or not name or "\0" in name:
        raise wrong(where, "file_name", name, "the name of a file is expected")
    height, width = (_size(image.get(key), where, key) for key in ("height", "width"))
    return ImageEntry(
        id_of(image, "id", where), name, (height, width) if height and width else None
    )


def category(item: Mapping[str, Any], where: str) -> tuple[str, str]:
    """Return id and name of an item of `categories`. Raises UsageError if one is missing."""
    name = item.get("name")
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise wrong(where, "name", name, "the name of a class is expected")
    return id_of(item, "id", where), str(name)


def annotation(item: Mapping[str, Any], where: str) -> Annotation:
    """Return an item of `annotations`. Raises UsageError if it cannot be understood."""
    box, outline = as_numbers(item.get("bbox")), _points(item.get("segmentation"))
    if is_outline := item.get("bbox") in (None, []) and outline is not None:
        box = outline
    if box is None or len(box) != 4:
        raise UsageError(
            f"{where}: bbox {shown(item.get('bbox'))}: x, y, width and height are expected"
        )
    area = item.get("area")
    if area is not None and (area := as_number(area)) is None:
        raise wrong(where, "area", item["area"], "a number is expected")
    crowd = item.get("iscrowd")
    if crowd is not None and (crowd := as_number(crowd)) is None:
        raise wrong(where, "iscrowd", item["iscrowd"], "0 or 1 is expected")
    image_id, category_id = (id_of(item, key, where) for key in ("image_id", "category_id"))
    return Annotation(where, image_id, category_id, box, area, bool(crowd), is_outline)


def id_of(item: Mapping[str, Any], key: str, where: str) -> str:
    """Return an id as text, so that 5, 5.0 and "5" are the same."""
    value = item.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong(where, key, value, "a number or text is expected")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        return str(value)
    except ValueError as error:  # more digits than Python prints
        raise UsageError(f"{where}: {key}: the number is too long") from error


def _size(value: Any, where: str, key: str) -> int | None:
    """Return the height or width of an image, None if it is not stated."""
    if value is None:
        return None
    number = as_number(value)
    if number is None or number != int(number) or number < 0:
        raise wrong(where, key, value, "a number of pixels is expected")
    return int(number)


def as_number(value: Any) -> float | None:
    """Return a finite number, which may be written as text; None for anything else."""
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_numbers(value: Any) -> list[float] | None:
    """Return a list of finite numbers; None for anything else."""
    if not isinstance(value, list):
        return None
    numbers = [number for each in value if (number := as_number(each)) is not None]
    return numbers if len(numbers) == len(value) else None


def _points(segmentation: Any) -> list[float] | None:
    """Return the bounding box of polygons as x, y, w, h; None if there are none."""
    if not isinstance(segmentation, list):
        return None
    numbers = [as_numbers(polygon) for polygon in segmentation]
    points = [numbers for numbers in numbers if numbers and not len(numbers) % 2]
    if not points or len(points) != len(segmentation):
        return None
    x = [value for polygon in points for value in polygon[::2]]
    y = [value for polygon in points for value in polygon[1::2]]
    return [min(x), min(y), max(x) - min(x), max(y) - min(y)]


def wrong(where: str, key: str, value: Any, expected: str) -> UsageError:
    """Return the error about a field: its place, what was given, what is expected."""
    return UsageError(f"{where}: {key}: {shown(value)} given: {expected}")


def shown(value: Any) -> str:
    """Return a value as JSON for a message, not too long."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):
        return "a value that cannot be shown"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
