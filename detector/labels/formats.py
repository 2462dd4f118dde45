"""The formats of labels: which one a path has, and reading and writing it."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from detector.atomic_write import replacing
from detector.errors import UsageError
from detector.labels.coco.reader import read_coco_labels
from detector.labels.coco.writer import coco_file, coco_json
from detector.labels.cvat.reader import read_cvat
from detector.labels.cvat.writer import cvat_xml
from detector.labels.file_tree import FileTree, Folder, SingleFile, Zip
from detector.labels.findings import Findings
from detector.labels.json_lines import read_json_lines
from detector.labels.label_files import LabelFiles
from detector.labels.label_studio.reader import read_label_studio
from detector.labels.label_studio.writer import label_studio_json
from detector.labels.labelled import LabelledClip, LabelledSet, Size, stem_of
from detector.labels.merge import merged
from detector.labels.motchallenge.reader import read_mot_labels
from detector.labels.motchallenge.writer import mot_files, mot_image
from detector.labels.yolo.reader import is_yolo, read_yolo_labels
from detector.labels.yolo.writer import yolo_files, yolo_image

# Returns the bytes and the suffix of the image of a labelled frame, at a position in its clip;
# None if there is none.
Images = Callable[[LabelledClip, int], "tuple[bytes, str] | None"]


class Kind(Enum):
    """Where the files of an output are."""

    FILE = "a file"
    ZIP = "a zip"
    FOLDER = "a folder"


class Format(Enum):
    """A format of labels."""

    COCO = "COCO"
    CVAT = "CVAT"
    YOLO = "YOLO"
    YOLO_TRACK = "YOLO with tracks"
    LABEL_STUDIO = "Label Studio"
    MOT = "MOTChallenge"


# The longest ending that a name has decides what is written.
ENDINGS: dict[str, tuple[Format, Kind]] = {
    ".coco.json": (Format.COCO, Kind.FILE),
    ".json": (Format.COCO, Kind.FILE),
    ".coco.zip": (Format.COCO, Kind.ZIP),
    ".coco": (Format.COCO, Kind.FOLDER),
    ".cvat.xml": (Format.CVAT, Kind.FILE),
    ".xml": (Format.CVAT, Kind.FILE),
    ".cvat.zip": (Format.CVAT, Kind.ZIP),
    ".labelstudio.json": (Format.LABEL_STUDIO, Kind.FILE),
    ".yolo.zip": (Format.YOLO, Kind.ZIP),
    ".yolo": (Format.YOLO, Kind.FOLDER),
    ".yolo-track.zip": (Format.YOLO_TRACK, Kind.ZIP),
    ".yolo-track": (Format.YOLO_TRACK, Kind.FOLDER),
    ".mot.zip": (Format.MOT, Kind.ZIP),
    ".mot": (Format.MOT, Kind.FOLDER),
}


@dataclass(frozen=True, slots=True)
class Hints:
    """What a file of labels may not say about its clip, but its video does.

    size: (height, width) of frames
    frame_count: of the clip
    """

    size: Size | None = None
    frame_count: int | None = None


def ending_of(path: str) -> str | None:
    """Return the ending of a path that decides how labels are written; None if it has none."""
    name = posixpath.basename(path.rstrip("/")).lower()
    fitting = [each for each in ENDINGS if name.endswith(each) and len(name) > len(each)]
    return max(fitting, key=len, default=None)


def read_labels(path: Path, findings: Findings, hints: Hints | None = None) -> LabelledSet:
    """Return the labels at a path, in whatever format they are.

    path: a file, a folder or a zip
    findings: takes the mistakes, which are mended or left out
    Raises UsageError if it is none of the formats, or cannot be read at all.
    """
    hints = hints or Hints()
    with LabelFiles(path) as files:
        return _read(files, findings, hints)


def _read(files: LabelFiles, findings: Findings, hints: Hints) -> LabelledSet:
    name = stem_of(files.path.name)
    if files.is_folder or files.is_zip:
        if any(each.endswith("/gt.txt") or each == "gt.txt" for each in files.names) or (
            any(each.startswith("gt/") and each.endswith(".txt") for each in files.names)
            and not is_yolo(files)
        ):
            return read_mot_labels(files, name, hints.size, findings)
        if is_yolo(files):
            return read_yolo_labels(files, name, hints.size, findings)
    if len(files.names) == 1 and files.names[0].endswith(".jsonl"):
        (only,) = files.names
        return read_json_lines(files.read(only), files.where(only), name, hints.size, findings)
    texts = [each for each in files.names if each.lower().endswith((".json", ".xml"))]
    if not texts:
        raise UsageError(
            f"{files.path}: no labels there: an XML of CVAT, a JSON of COCO or Label Studio, a "
            "data.yaml or obj.data of YOLO, or gt/gt.txt of MOTChallenge is expected"
        )
    sets = [_read_text(files, each, name, findings, hints) for each in texts]
    return sets[0] if len(sets) == 1 else merged(sets)


def _read_text(
    files: LabelFiles, file: str, name: str, findings: Findings, hints: Hints
) -> LabelledSet:
    where, split = files.where(file), _split_of(file)
    data = files.read(file)
    if file.lower().endswith(".xml"):
        return read_cvat(data, where, name, split, findings)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        return read_label_studio(data, where, name, split, hints.size, findings)
    return read_coco_labels(data, where, name, split, findings)


def _split_of(file: str) -> str:
    """Return the split that COCO's layout names: `annotations/instances_train.json`."""
    stem = posixpath.splitext(posixpath.basename(file))[0]
    kind, _, split = stem.partition("_")
    return split if kind == "instances" and split not in ("", "default") else ""


def write_labels(labels: LabelledSet, path: Path, images: Images | None = None) -> None:
    """Write labels in the format that the ending of `path` names; it appears when it is complete.

    images: writes them beside the labels, into a folder or zip
    Raises UsageError if the format cannot hold these labels or the path cannot be written.
    """
    ending = ending_of(str(path))
    if ending is None:
        raise UsageError(f"{path}: no format has that ending; accepted: {', '.join(ENDINGS)}")
    written_format, kind = ENDINGS[ending]
    if images and kind is Kind.FILE:
        raise UsageError(f"{path}: images cannot be beside one file: give a folder or a zip")
    try:
        if kind is Kind.FOLDER:
            _write_folder(labels, path, written_format, images)
            return
        with replacing(path) as written:
            tree: FileTree = SingleFile(written) if kind is Kind.FILE else Zip(written)
            try:
                write_files(labels, tree, written_format, kind, images)
            finally:
                tree.close()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write_folder(
    labels: LabelledSet, path: Path, written_format: Format, images: Images | None
) -> None:
    """Write a folder that appears when it is complete; one that is there is refused."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path}: is there already: give another name, or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    growing = path.with_name(f".{path.name}.part")
    shutil.rmtree(growing, ignore_errors=True)
    try:
        growing.mkdir()
        write_files(labels, Folder(growing), written_format, Kind.FOLDER, images)
        with suppress(FileNotFoundError):
            path.rmdir()
        growing.rename(path)
    finally:
        shutil.rmtree(growing, ignore_errors=True)


def write_files(
    labels: LabelledSet,
    tree: FileTree,
    written_format: Format,
    kind: Kind,
    images: Images | None = None,
) -> None:
    """Write labels into a tree of files, images first: they may be many, and come in order."""
    suffix = ".jpg"
    if images is not None:
        for clip in labels.clips:
            for position in range(len(clip.frames)):
                image = images(clip, position)
                if image is not None:
                    data, suffix = image
                    tree.add(image_name(labels, clip, position, written_format, suffix), data)
    for name, data in label_files(labels, written_format, kind, suffix):
        tree.add(name, data)


def image_name(
    labels: LabelledSet, clip: LabelledClip, position: int, written_format: Format, suffix: str
) -> str:
    """Return where a folder or zip of a format has the image of a labelled frame."""
    if written_format in (Format.YOLO, Format.YOLO_TRACK):
        return yolo_image(labels, clip, position, suffix)
    if written_format is Format.MOT:
        return mot_image(labels, clip, position, suffix)
    if written_format is Format.COCO:
        several = len(labels.clips) > 1
        file = coco_file(clip, position, several=several, suffix=suffix)
        return f"images/{clip.split or 'default'}/{file}"
    return f"images/{clip.file_of(position, suffix)}"


def label_files(
    labels: LabelledSet, written_format: Format, kind: Kind, suffix: str = ".jpg"
) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the files that hold the labels.

    suffix: of the images of frames
    """
    if written_format is Format.COCO:
        if kind is Kind.FILE:
            yield "", coco_json(labels, suffix)
            return
        for split in dict.fromkeys(clip.split for clip in labels.clips):
            clips = tuple(clip for clip in labels.clips if clip.split == split)
            part = replace(labels, clips=clips)
            several = len(labels.clips) > 1
            yield (
                f"annotations/instances_{split or 'default'}.json",
                coco_json(part, suffix, several=several),
            )
    elif written_format is Format.CVAT:
        if len(labels.clips) != 1:
            raise UsageError(
                f"CVAT's XML is about one clip, but there are {len(labels.clips)}: put {{clip}} "
                "into the name, for a file for each"
            )
        yield "annotations.xml", cvat_xml(labels.clips[0], labels.classes)
    elif written_format is Format.LABEL_STUDIO:
        yield "", label_studio_json(labels)
    elif written_format is Format.MOT:
        yield from mot_files(labels, suffix)
    else:
        yield from yolo_files(labels, tracks=written_format is Format.YOLO_TRACK, suffix=suffix)
