"""YOLO layouts: data.yaml or obj.data, images, and a text file of boxes for each image.

The coordinates are fractions of the image, so that its size has to be known. It is that of the
image file, or what data.yaml says under `framelane`, where other programs do not look.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isfinite
from pathlib import PurePosixPath
from typing import Any

from detector.errors import UsageError
from detector.image_suffixes import is_image
from detector.labels.draft import (
    MAX_TRACK,
    ClipDraft,
    built_set,
    checked_box,
    checked_class,
)
from detector.labels.findings import Findings
from detector.labels.frame_names import frames_of_names
from detector.labels.image_size import image_size
from detector.labels.label_files import LabelFiles
from detector.labels.labelled import NO_TRACK, LabelledBox, LabelledSet, Size, safe_name
from detector.labels.yolo.darknet import darknet_content, darknet_file
from detector.labels.yolo.listing import OURS, Listing, YoloImage
from detector.labels.yolo.text import text_of
from detector.settings.bounded_yaml import parsed

YAML = (".yaml", ".yml")
ROUNDING = 1e-4  # fraction of an image that numbers may be beyond it: they are rounded when written


def read_yolo_labels(
    files: LabelFiles, name: str, size: Size | None, findings: Findings
) -> LabelledSet:
    """Return the labels in a folder or zip in YOLO layout, with all its splits.

    The images of a folder are a clip: a video if they are named `frame_000000`, else pictures. A
    row is `class cx cy w h`, with the identity of a track or a score behind it if there is one, or
    a class and the points of an outline.

    name: of a clip that is in no folder of its own; size: of images that are not there
    Raises UsageError if data.yaml and obj.data are missing or wrong. Wrong rows are noted and left
    out.
    """
    described_in = _data_yaml(files) or darknet_file(files)
    if described_in is None:
        raise UsageError(f"{files.path}: not in YOLO layout: there is no data.yaml or obj.data")
    where = files.where(described_in)
    content = (
        parsed(files.read(described_in), where)
        if described_in.endswith(YAML)
        else darknet_content(files, described_in)
    )
    if not isinstance(content, dict):
        raise UsageError(f"{where}: the top level must be a mapping of keys to values")
    names = [checked_class(f"{where}: names", each) for each in _names(content, where)]
    classes = list(dict.fromkeys(names))
    images = list(Listing(files, described_in, content).images(findings))
    described = _described(content)
    reader = _Reader(files, [classes.index(each) for each in names], size, findings)
    drafts = [
        reader.clip(title, group, described.get(title, {}))
        for title, group in _grouped(images, name, described).items()
    ]
    return built_set(classes, drafts, findings)


def is_yolo(files: LabelFiles) -> bool:
    """Return whether a folder or zip says that it is in a YOLO layout."""
    return (_data_yaml(files) or darknet_file(files)) is not None


def _data_yaml(files: LabelFiles) -> str | None:
    """Return the name of the data.yaml: the one nearest to the top; None if there is none."""
    found = [each for each in files.names if each.endswith(YAML)]
    found.sort(key=lambda each: (each.count("/"), posixpath.basename(each) != "data.yaml", each))
    return found[0] if found else None


def _names(content: Mapping[str, Any], where: str) -> list[str]:
    given = content.get("names")
    if isinstance(given, dict):
        given = [given.get(k, given.get(str(k))) for k in range(len(given))]
    if not isinstance(given, list) or any(isinstance(n, list | dict | None) for n in given):
        raise UsageError(f"{where}: 'names': a list of the class names is expected")
    return [str(each) for each in given]


def _described(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    ours = content.get(OURS)
    clips = ours.get("clips") if isinstance(ours, dict) else None
    if not isinstance(clips, dict):
        return {}
    return {str(name): clip for name, clip in clips.items() if isinstance(clip, dict)}


def _grouped(
    images: Sequence[YoloImage], name: str, described: Mapping[str, Any]
) -> dict[str, list[YoloImage]]:
    """Return the images of each clip: those of one folder, or of a folder that is described."""
    groups: dict[str, list[YoloImage]] = {}
    single = next(iter(described)) if len(described) == 1 else None
    splits: dict[tuple[str, str], str] = {}
    for image in images:
        folder = image.inside.parts[0] if len(image.inside.parts) > 1 else ""
        if single is not None:
            title = single
        elif folder in described:
            title = folder
        else:
            title = safe_name("-".join(image.inside.parts[:-1])) if folder else name
        key = title, image.split
        if key not in splits:  # a folder in two splits is two clips
            splits[key] = title if title not in groups else f"{title}-{image.split}"
        groups.setdefault(splits[key], []).append(image)
    return groups


class _Reader:
    """Reads the rows of images, as clips."""

    def __init__(
        self, files: LabelFiles, class_ids: Sequence[int], size: Size | None, findings: Findings
    ) -> None:
        self._files = files
        self._known = set(files.names)
        self._class_ids = class_ids
        self._size = size
        self._findings = findings

    def clip(self, title: str, images: Sequence[YoloImage], facts: Mapping[str, Any]) -> ClipDraft:
        """Return the clip of some images; facts: what data.yaml says about it."""
        frames = frames_of_names([image.image for image in images])
        is_video = bool(facts.get("is_video", frames is not None))
        draft = ClipDraft(title, is_video=is_video, split=images[0].split)
        draft.size = _size(facts.get("size"))
        draft.frame_count = _count(facts.get("frame_count"))
        draft.frame_rate = _rate(facts.get("frame_rate"))
        numbers = frames if is_video and frames is not None else range(len(images))
        for frame, image in zip(numbers, images, strict=True):
            draft.frames.add(frame)
            inside = image.inside
            shown = inside.parts[0] == title and len(inside.parts) > 1
            suffix = "" if is_image(PurePosixPath(image.image)) else ".jpg"
            file = PurePosixPath(*inside.parts[1:]) if shown else inside
            draft.files[frame] = str(file.with_suffix(suffix) if suffix else file)
            with self._findings.noted():
                self._read(draft, frame, image)
        return draft

    def _read(self, draft: ClipDraft, frame: int, image: YoloImage) -> None:
        size = None
        if image.image in self._known and not (draft.is_video and draft.size):
            size = image_size(self._files.read(image.image))
            if size is None:
                self._findings.add(f"{self._files.where(image.image)}: not an image")
            else:
                draft.sizes[frame] = size
        if image.labels not in self._known:
            return
        rows = [
            (number, line.split())
            for number, line in enumerate(text_of(self._files, image.labels).splitlines(), 1)
            if line.strip()
        ]
        place = self._files.where(image.labels)
        size = size or draft.size or self._size
        if rows and size is None:
            raise UsageError(
                f"{place}: the size of its image is not known: there is no {image.image}; give the "
                "size of the images"
            )
        for number, fields in rows:
            with self._findings.noted():
                assert size is not None
                draft.rows.append(self._row(f"{place}:{number}", fields, frame, size))
        if size and not draft.size:
            draft.sizes.setdefault(frame, size)

    def _row(self, where: str, fields: Sequence[str], frame: int, size: Size) -> LabelledBox:
        numbers = _numbers(where, fields)
        class_id = numbers[0]
        if class_id not in range(len(self._class_ids)):
            raise UsageError(
                f"{where}: the class {class_id:g} is unknown: 0 to {len(self._class_ids) - 1} are "
                "accepted"
            )
        score, track = None, NO_TRACK
        if len(numbers) > 6:
            self._findings.note(f"{self._files.path}: outlines become the boxes around them")
            x, y = numbers[1::2], numbers[2::2]
            edges = [min(x), min(y), max(x), max(y)]
        else:
            cx, cy, width, height = numbers[1:5]
            edges = [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2]
        if len(numbers) == 6:
            if fields[5].isdecimal() and numbers[5] <= MAX_TRACK:
                track = int(fields[5])
            elif 0 <= numbers[5] <= 1:
                score = numbers[5]
        if min(edges) < -ROUNDING or max(edges) > 1 + ROUNDING:
            self._findings.add(
                f"{where}: the box {' '.join(fields[1:5])} reaches beyond the image: it is cut; "
                "centre and size are fractions of the image, 0 to 1"
            )
        left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in edges)
        rows, columns = size
        box = checked_box(where, left * columns, top * rows, right * columns, bottom * rows)
        return LabelledBox(frame, tuple(box), self._class_ids[int(class_id)], track, score)


def _numbers(where: str, fields: Sequence[str]) -> list[float]:
    try:
        numbers = [float(each) for each in fields]
    except ValueError as error:
        raise UsageError(f"{where}: numbers are expected: {error}") from error
    if len(numbers) not in (5, 6) and (len(numbers) < 7 or not len(numbers) % 2):
        raise UsageError(
            f"{where}: {len(numbers)} numbers given: 'class cx cy w h', with a track behind it or "
            "without, or a class and three or more points are expected"
        )
    if not all(map(isfinite, numbers)):
        raise UsageError(f"{where}: finite numbers are expected")
    return numbers


def _size(value: Any) -> Size | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    return (value[0], value[1]) if all(isinstance(v, int) and v > 0 for v in value) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 < value <= 10_000_000 else 0


def _rate(value: Any) -> Fraction | None:
    try:
        return Fraction(str(value)) if value else None
    except (ValueError, ZeroDivisionError):
        return None
