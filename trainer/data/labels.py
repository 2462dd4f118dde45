"""Label files in YOLO and MOT format; an error names its file and line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.detections import Float32Array, Int64Array
from detector.errors import UsageError
from trainer.data.data_errors import Findings

Row = tuple[int, Sequence[float]]  # class id, box


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The labelled boxes of one image.

    boxes_xyxy: (n, 4) float32, in the units of the file; class_ids: (n,) int64
    """

    boxes_xyxy: Float32Array
    class_ids: Int64Array

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Labels:
        """Return the labels of rows (class id, xyxy box)."""
        boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
        return cls(boxes, np.array([class_id for class_id, _ in rows], np.int64))


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
    return Labels(labels.boxes_xyxy[known], mapped[known])


def read_yolo(path: Path, n_classes: int, findings: Findings) -> Labels:
    """Return the labels in a YOLO text file, as xyxy fractions of the image, clipped to it.

    A line is `class cx cy w h`. A missing file means an image without objects. Malformed lines,
    unknown classes, boxes outside the image and repeated boxes are noted in `findings`, and left
    out or cut to the image.
    """
    if not path.exists():
        return Labels.of([])
    rows: list[Row] = []
    for where, line in _lines(path):
        with findings.noted():
            class_id, cx, cy, w, h = _numbers(where, line.split(), 5)
            _check_class(where, class_id, n_classes)
            corners = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
            box = [min(max(corner, 0), 1) for corner in corners]
            row = int(class_id), box
            if not (0 <= cx <= 1 and 0 <= cy <= 1 and 0 < w <= 1 and 0 < h <= 1):
                findings.add(
                    f"{where}: the box {cx:g} {cy:g} {w:g} {h:g} is out of range: centre and size "
                    "are fractions of the image, 0 to 1, sizes above 0"
                )
            elif row in rows:
                findings.add(f"{where}: the same class and box as in an earlier line")
            if row not in rows and box[0] < box[2] and box[1] < box[3]:
                rows.append(row)
    return Labels.of(rows)


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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the labels cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{path}:{number}", line


def _numbers(where: str, fields: Sequence[str], count: int) -> list[float]:
    try:
        numbers = [float(field) for field in fields]
    except ValueError as error:
        raise UsageError(f"{where}: numbers are expected: {error}") from error
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise UsageError(f"{where}: {count} finite numbers are expected, {len(numbers)} given")
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
