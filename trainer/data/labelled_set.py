"""Data sets in the formats of annotation tools, with the pixels that belong to them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from detector.detections import Float32Array, Int64Array, UInt8Array
from detector.errors import UsageError
from detector.labels.formats import Hints, read_labels
from detector.labels.image_index import ImageIndex
from detector.labels.label_files import LabelFiles
from detector.labels.labelled import Float64Array, LabelledClip, LabelledSet
from detector.labels.thin import thinned
from trainer.data.counts import Counts
from trainer.data.data_errors import Findings
from trainer.data.labels import class_map
from trainer.data.samples import Sample
from trainer.data.video_frames import VideoFrames, measure

VIDEOS = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".ts")


class LabelledPart:
    """The labelled frames of all clips of a file, folder or zip, in order.

    The pixels of a clip are those of its recording, or else of the images beside the labels.
    Boxes to ignore become regions to ignore for their class.
    """

    def __init__(
        self,
        labels: Path,
        classes: Sequence[str],
        findings: Findings,
        *,
        video: Path | None = None,
        images: Path | None = None,
        split: str | None = None,
        every: int = 1,
    ) -> None:
        """Read labels of any format that `detector.labels` knows.

        video: the recording of the clip, or a folder of recordings that are called as the clips
        images: a folder or zip of images; None: those beside the labels
        split: only the clips of this split; None: all
        every: take each k-th frame

        Wrong labels are noted in `findings`, and mended or left out. Raises UsageError if the
        labels have another format, or if the pixels of a clip are missing.
        """
        hints = Hints(measure(video, count=False)[0]) if video and video.is_file() else None
        found = thinned(_of_split(read_labels(labels, findings, hints), split, labels), every=every)
        class_ids = class_map(found.classes, classes, labels, findings)
        files = LabelFiles(images or labels)
        index = ImageIndex(files)
        parts = [
            _Clip(clip, class_ids, _pixels(clip, found, video, files, index, labels))
            for clip in found.clips
        ]
        self._parts = [part for part in parts if len(part)]
        self._ends = list(accumulate(len(part) for part in self._parts))
        self.random_access = not any(isinstance(p.pixels, _Recording) for p in self._parts)
        self.counts = Counts.of(count for part in self._parts for count in part.object_counts)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Sample:
        part = bisect_right(self._ends, index)
        return self._parts[part][index - (self._ends[part - 1] if part else 0)]


def _of_split(labels: LabelledSet, split: str | None, path: Path) -> LabelledSet:
    if split is None:
        return labels
    clips = tuple(clip for clip in labels.clips if clip.split == split)
    if not clips:
        known = sorted({clip.split for clip in labels.clips if clip.split})
        raise UsageError(f"{path}: no split '{split}': it has {', '.join(known) or 'no splits'}")
    return LabelledSet(labels.classes, clips)


class Pixels(Protocol):
    """The images of a clip."""

    def read(self, position: int) -> tuple[UInt8Array, str]:
        """Return the image of a labelled frame as (h, w, 3) uint8 RGB, and its name."""


class _Recording:
    def __init__(self, clip: LabelledClip, path: Path) -> None:
        self._clip = clip
        self._path = path
        self._frames = VideoFrames(path, int(clip.frames[-1]) + 1 if len(clip.frames) else None)

    def read(self, position: int) -> tuple[UInt8Array, str]:
        frame = int(self._clip.frames[position]) + 1
        return self._frames.read(frame), f"{self._path}#{frame}"


class _Images:
    def __init__(self, files: LabelFiles, names: Sequence[str]) -> None:
        self._files = files
        self._names = names

    def read(self, position: int) -> tuple[UInt8Array, str]:
        name = self._names[position]
        data = np.frombuffer(self._files.read(name), np.uint8)
        image = None
        with suppress(cv2.error):
            image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if image is None:
            raise UsageError(f"{self._files.where(name)}: not an image that can be read")
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        return rgb, self._files.where(name)


def _pixels(
    clip: LabelledClip,
    labels: LabelledSet,
    video: Path | None,
    files: LabelFiles,
    index: ImageIndex,
    where: Path,
) -> _Recording | _Images:
    """Return the images of a clip. Raises UsageError if one is missing."""
    if video is not None:
        return _Recording(clip, _recording_of(clip, labels, video))
    names = [index.find(clip, position) for position in range(len(clip.frames))]
    missing = next((k for k, name in enumerate(names) if name is None), None)
    if missing is not None:
        raise UsageError(
            f"{where}: there is no image '{clip.file_of(missing)}' of clip '{clip.name}': give the "
            "recording with 'video', or the folder or zip of the images with 'images'"
        )
    return _Images(files, [name for name in names if name is not None])


def _recording_of(clip: LabelledClip, labels: LabelledSet, video: Path) -> Path:
    if not video.is_dir():
        if len(labels.clips) > 1:
            raise UsageError(
                f"{video}: is one recording, but the labels are about {len(labels.clips)} clips: "
                "give the folder of their recordings"
            )
        return video
    for suffix in VIDEOS:
        path = video / f"{clip.name}{suffix}"
        if path.is_file():
            return path
    raise UsageError(f"{video}: no recording of clip '{clip.name}' there: {clip.name}.mp4, ...")


class _Clip:
    """The samples of one clip."""

    def __init__(
        self, clip: LabelledClip, class_ids: Int64Array, pixels: _Recording | _Images
    ) -> None:
        self.pixels = pixels
        mapped = class_ids[clip.boxes.class_ids] if len(class_ids) else clip.boxes.class_ids
        boxes = clip.boxes[np.flatnonzero(mapped >= 0)]
        self._boxes, self._class_ids = boxes, mapped[mapped >= 0]
        self._starts = np.searchsorted(boxes.frames, clip.frames)
        self._ends = np.searchsorted(boxes.frames, clip.frames, side="right")
        self.object_counts = [
            int((~boxes.ignored[a:b]).sum()) for a, b in zip(self._starts, self._ends, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, position: int) -> Sample:
        image, key = self.pixels.read(position)
        rows = slice(self._starts[position], self._ends[position])
        boxes = _inside(self._boxes.boxes_xyxy[rows], image)
        ignored, class_ids = self._boxes.ignored[rows], self._class_ids[rows]
        visible = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        objects, regions = visible & ~ignored, visible & ignored
        return Sample(
            image,
            boxes[objects],
            class_ids[objects],
            key,
            boxes[regions],
            class_ids[regions],
        )


def _inside(boxes_xyxy: Float64Array, image: UInt8Array) -> Float32Array:
    """Return boxes cut to their image, as float32."""
    height, width = image.shape[:2]
    limits = np.array([width, height, width, height], np.float64)
    return boxes_xyxy.clip(0, limits).astype(np.float32)
