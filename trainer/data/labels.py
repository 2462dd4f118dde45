"""Label files in YOLO and MOT format; an error names its file and line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.detections import Float32Array, Int64Array
from detector.errors import UsageError
from detector.text_file import read_text
from trainer.data.data_errors import Findings

Row = tuple[int, Sequence[float]]  # class id, box
ROUNDING = 1e-4  # fraction of an image that numbers may be beyond it: they are rounded when written


class Unreadable(UsageError):
    """A label file of which no line can be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The labelled boxes of one image.

    boxes_xyxy: (n, 4) float32, in the units of the file; class_ids: (n,) int64
    polygons: how many of them are bounding boxes of outlines
    """

    boxes_xyxy: Float32Array
    class_ids: Int64Array
    polygons: int = 0

    @classmethod
    def of(cls, rows: Sequence[Row], polygons: int = 0) -> Labels:
        """Return the labels of rows (class id, xyxy box)."""
        boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
        return cls(boxes, np.array([class_id for class_id, _ in rows], np.int64), polygons)


def class_map(
    names: Sequence[str], classes: Sequence[str], where: Path, findings: Findings
) -> Int64Array:
    """Return the position in `classes` of each class of a data set, by name; -1 for other classes.

    where: path of the data set; each class that is not in `classes` is noted as a finding
    """
    for name in names:
        if name not in classes:
            findings.add(
                f"{where}: has the class '{name}', which is not among the classes to train: "
                f"{', '.join(classes)}; add it there"
            )
    positions = [classes.index(name) if name in classes else -1 for name in names]
    return np.array(positions, np.int64)


def remapped(labels: Labels, class_ids: Int64Array) -> Labels:
    """Return the labels with class ids mapped by `class_map`, without those that map to -1."""
    mapped = class_ids[labels.class_ids]
    known = mapped >= 0
    return Labels(labels.boxes_xyxy[known], mapped[known], labels.polygons)


def read_yolo(path: Path, n_classes: int, findings: Findings) -> Labels:
    """Return the labels in a YOLO text file, as xyxy fractions of the image, clipped to it.

    A line is `class cx cy w h`, or `class x1 y1 x2 y2 x3 y3 ...`: an outline of three or more
    points, of which the bounding box is taken. Malformed lines, unknown classes, boxes outside the
    image and repeated boxes are noted in `findings`, and left out or cut to the image. Raises
    Unreadable if the file is not text.
    """
    rows: list[Row] = []
    polygons = 0
    for where, line in _lines(path):
        with findings.noted():
            class_id, *numbers = _yolo_numbers(where, line.split())
            _check_class(where, class_id, n_classes)
            is_polygon = len(numbers) > 4
            edges = _bounding_box(numbers) if is_polygon else _corners(numbers)
            box = [min(max(edge, 0), 1) for edge in edges]
            row = int(class_id), box
            if complaint := (_polygon_complaint if is_polygon else _box_complaint)(numbers):
                findings.add(f"{where}: {complaint}")
            elif row in rows:
                findings.add(f"{where}: the same class and box as in an earlier line")
            if row not in rows and box[0] < box[2] and box[1] < box[3]:
                rows.append(row)
                polygons += is_polygon
    return Labels.of(rows, polygons)


def _yolo_numbers(where: str, fields: Sequence[str]) -> list[float]:
    if len(fields) >= 7 and len(fields) % 2:
        return _numbers(where, fields, len(fields))
    return _numbers(where, fields, 5, "class cx cy w h, or class and three or more points x y: ")


def _corners(box: Sequence[float]) -> Sequence[float]:
    cx, cy, w, h = box
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def _bounding_box(points: Sequence[float]) -> Sequence[float]:
    x, y = points[::2], points[1::2]
    return min(x), min(y), max(x), max(y)


def _box_complaint(box: Sequence[float]) -> str:
    """Return what is wrong with cx, cy, w, h; empty if nothing is."""
    sizes = box[2:]
    if all(-ROUNDING <= value <= 1 + ROUNDING for value in box) and min(sizes) > 0:
        return ""
    return (
        f"the box {' '.join(f'{value:.9g}' for value in box)} is out of range: centre and size are "
        "fractions of the image, 0 to 1, sizes above 0"
    )


def _polygon_complaint(points: Sequence[float]) -> str:
    """Return what is wrong with the points of an outline; empty if nothing is."""
    left, top, right, bottom = _bounding_box(points)
    if left == right or top == bottom:
        return "the outline has no area"
    if min(left, top) >= -ROUNDING and max(right, bottom) <= 1 + ROUNDING:
        return ""
    return (
        f"the outline from {left:.9g} {top:.9g} to {right:.9g} {bottom:.9g} is out of range: "
        "points are fractions of the image, 0 to 1"
    )


def read_mot(
    path: Path, n_classes: int, size: tuple[int, int], findings: Findings
) -> dict[int, Labels]:
    """Return the labels in a MOT-style file by frame, counted from 1, in pixels.

    A line is `frame,id,x,y,w,h,1,class,visibility` with classes from 0. Boxes are clipped to frames
    of `size` (height, width). Malformed lines, unknown classes, boxes outside the frame and
    repeated boxes are noted in `findings` and left out.
    """
    rows: dict[int, list[Row]] = {}
    for where, line in _lines(path):
        with findings.noted():
            frame, _, x, y, w, h, counts, class_id, _ = _numbers(where, line.split(","), 9)
            if counts != 1:
                raise UsageError(
                    f"{where}: {counts:g} in column 7, but only 1 (the box counts) is accepted; "
                    "remove the line"
                )
            _check_class(where, class_id, n_classes)
            row = int(class_id), _inside(where, (x, y, w, h), size)
            in_frame = rows.setdefault(_frame(where, frame), [])
            if row in in_frame:
                raise UsageError(f"{where}: the same class and box as in an earlier line")
            in_frame.append(row)
    return {frame: Labels.of(boxes) for frame, boxes in rows.items()}


def read_ignore(
    path: Path, size: tuple[int, int], findings: Findings
) -> list[tuple[int, int, Sequence[float]]]:
    """Return the regions to ignore: (first frame, last frame, xyxy in pixels), frames from 1.

    A line is `first,last,x,y,w,h`. A missing file means no regions. Wrong lines are noted in
    `findings` and left out.
    """
    if not path.exists():
        return []
    regions = []
    for where, line in _lines(path):
        with findings.noted():
            first, last, x, y, w, h = _numbers(where, line.split(","), 6)
            box = _inside(where, (x, y, w, h), size)
            regions.append((_frame(where, first), _frame(where, last), box))
    return regions


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (file:line, text) of each non-empty line."""
    try:
        text = read_text(path)
    except (OSError, UnicodeError) as error:
        raise Unreadable(
            f"{path}: the labels cannot be read: {error}: text in UTF-8 is expected"
        ) from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{path}:{number}", line


def _numbers(where: str, fields: Sequence[str], count: int, what: str = "") -> list[float]:
    try:
        numbers = [float(field) for field in fields]
    except ValueError as error:
        raise UsageError(f"{where}: numbers are expected: {error}") from error
    if len(numbers) != count:
        raise UsageError(f"{where}: {what}{count} numbers are expected, {len(numbers)} given")
    for field, number in zip(fields, numbers, strict=True):
        if not math.isfinite(number):
            raise UsageError(f"{where}: finite numbers are expected, {field.strip()} given")
    return numbers


def _check_class(where: str, class_id: float, n_classes: int) -> None:
    if class_id not in range(n_classes):
        raise UsageError(
            f"{where}: the class {class_id:g} is unknown: 0 to {n_classes - 1} are accepted"
        )


def _frame(where: str, frame: float) -> int:
    if frame < 1 or frame != int(frame):
        raise UsageError(f"{where}: the frame {frame:g} is not a whole number from 1")
    return int(frame)


def _inside(where: str, box: tuple[float, ...], size: tuple[int, int]) -> Sequence[float]:
    """Return an x, y, w, h box as xyxy, clipped to an image of `size` (height, width)."""
    (x, y, w, h), (height, width) = box, size
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
    if left >= right or top >= bottom:
        raise UsageError(
            f"{where}: the box {x:g},{y:g},{w:g},{h:g} (x,y,w,h) is empty or outside the image "
            f"of {width} x {height} pixels"
        )
    return left, top, right, bottom
