"""Ultralytics' YOLO layout, written: data.yaml, train.txt, and a text file for each frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import yaml

from detector.errors import UsageError
from detector.labels.labelled import NO_TRACK, LabelledBox, LabelledClip, LabelledSet, Size
from detector.labels.yolo.listing import OURS

DIGITS = 12  # of a fraction of an image: exact to DECIMALS of a pixel
SPLIT = "train"  # of clips without one


def yolo_files(
    labels: LabelledSet, *, tracks: bool = False, suffix: str = ".jpg"
) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of all files but the images.

    tracks: write the identity behind each box, as CVAT's format for tracks has it. Ultralytics'
        training refuses such rows
    suffix: of frames of a video that have no file
    Raises UsageError if the size of a frame with boxes is not known.
    """
    lists: dict[str, list[str]] = {}
    for clip in labels.clips:
        rows: dict[int, list[LabelledBox]] = {}
        for box in clip.boxes.rows():
            rows.setdefault(box.frame, []).append(box)
        for position, frame in enumerate(clip.frames.tolist()):
            image = yolo_image(labels, clip, position, suffix)
            lists.setdefault(clip.split or SPLIT, []).append(f"./{image}\n")
            text = _rows(rows.get(frame, []), clip, frame, tracks=tracks)
            yield _labels_of(image), text.encode()
    yield from ((f"{split}.txt", "".join(lines).encode()) for split, lines in lists.items())
    yield "data.yaml", _data_yaml(labels, list(lists)).encode()


def yolo_image(labels: LabelledSet, clip: LabelledClip, position: int, suffix: str) -> str:
    """Return the name of the image of a labelled frame."""
    folder = f"images/{clip.split or SPLIT}"
    name = clip.file_of(position, suffix)
    return f"{folder}/{clip.name}/{name}" if len(labels.clips) > 1 else f"{folder}/{name}"


def _labels_of(image: str) -> str:
    return str(PurePosixPath("labels", *PurePosixPath(image).parts[1:]).with_suffix(".txt"))


def _data_yaml(labels: LabelledSet, splits: Sequence[str]) -> str:
    clips = {clip.name: _facts(clip) for clip in labels.clips}
    content: dict[str, Any] = {split: f"{split}.txt" for split in splits}
    content |= {"nc": len(labels.classes), "names": dict(enumerate(labels.classes))}
    content[OURS] = {"clips": clips}
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _facts(clip: LabelledClip) -> dict[str, Any]:
    facts: dict[str, Any] = {"is_video": clip.is_video, "frame_count": clip.frame_count}
    if clip.size:
        facts["size"] = list(clip.size)
    if clip.frame_rate:
        facts["frame_rate"] = str(clip.frame_rate)
    return facts


def _rows(boxes: Sequence[LabelledBox], clip: LabelledClip, frame: int, *, tracks: bool) -> str:
    size = clip.size_of(frame)
    kept = [box for box in boxes if not box.is_ignored]
    if kept and size is None:
        raise UsageError(
            f"clip '{clip.name}': the size of its frames is not known, and YOLO's coordinates are "
            "fractions of it: give the video or the images"
        )
    lines = (_row(box, size, tracks=tracks) for box in kept if size)
    return "".join(f"{line}\n" for line in lines if line)


def _row(box: LabelledBox, size: Size, *, tracks: bool) -> str:
    """Return the row of a box, cut to its image; empty if nothing of it is inside."""
    height, width = size
    left, top, right, bottom = cut_to(box, size)
    if left >= right or top >= bottom:
        return ""
    values = (
        (left + right) / 2 / width,
        (top + bottom) / 2 / height,
        (right - left) / width,
        (bottom - top) / height,
    )
    numbers = " ".join(f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") for value in values)
    identity = f" {box.track}" if tracks and box.track != NO_TRACK else ""
    return f"{box.class_id} {numbers}{identity}"


def cut_to(box: LabelledBox, size: Size) -> tuple[float, float, float, float]:
    """Return the edges of a box inside an image of `size` (height, width)."""
    height, width = size
    left, top, right, bottom = box.box_xyxy
    return max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
