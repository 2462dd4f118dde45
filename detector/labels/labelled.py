"""The data model of labels: a set of clips, each with its frames and its boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from fractions import Fraction
from math import isnan
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array

Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Size = tuple[int, int]  # height and width, pixels
Attribute = str | int | float | bool
DECIMALS = 6  # of the edges of boxes: every format keeps them, whatever its units
NO_TRACK = -1
VIDEO_FRAME = "frame_{:06d}"  # how tools name the frames of a video


class Mark(IntEnum):
    """How a box was obtained, so that a person knows what to look at."""

    NONE = 0  # not known, or drawn by a person
    DETECTED = 1  # seen by a detector
    INTERPOLATED = 2  # not seen, between two boxes that were
    LINKED = 3  # not seen, where two parts of a track were joined


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The boxes of a clip, in the order of its frames.

    frames: (n,) int64, from 0, never decreasing
    boxes_xyxy: (n, 4) float64, pixels of the upright frame, rounded to DECIMALS
    class_ids: (n,) int64, positions in the classes of the set
    tracks: (n,) int64 from 0, NO_TRACK for a box without identity
    scores: (n,) float64, NaN for a box without score
    marks: (n,) int8, the Mark of each box
    occluded: (n,) bool
    ignored: (n,) bool: neither object nor background, such as a crowd
    attributes: further properties of a box, by its row
    """

    frames: Int64Array
    boxes_xyxy: Float64Array
    class_ids: Int64Array
    tracks: Int64Array
    scores: Float64Array
    marks: NDArray[np.int8]
    occluded: BoolArray
    ignored: BoolArray
    attributes: Mapping[int, Mapping[str, Attribute]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.frames)
        assert self.boxes_xyxy.shape == (n, 4) and self.boxes_xyxy.dtype == np.float64, self
        columns = (self.class_ids, self.tracks, self.scores, self.marks, self.occluded)
        assert all(column.shape == (n,) for column in (*columns, self.ignored)), self
        assert (np.diff(self.frames) >= 0).all(), "boxes are in the order of their frames"

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        return f"Boxes(n={len(self.frames)}, tracks={len(self.track_ids)})"

    def __getitem__(self, chosen: BoolArray | Int64Array) -> Boxes:
        """Return the chosen rows, by mask or by positions in the order of frames."""
        rows = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        found = self.attributes
        return Boxes(
            self.frames[rows],
            self.boxes_xyxy[rows],
            self.class_ids[rows],
            self.tracks[rows],
            self.scores[rows],
            self.marks[rows],
            self.occluded[rows],
            self.ignored[rows],
            {k: found[row] for k, row in enumerate(rows.tolist()) if row in found} if found else {},
        )

    @property
    def track_ids(self) -> list[int]:
        """The identities of tracks, in order."""
        return [int(k) for k in np.unique(self.tracks) if k != NO_TRACK]

    @classmethod
    def of(cls, rows: Sequence[LabelledBox]) -> Boxes:
        """Return boxes in the order of their frames; those of one frame keep their order."""
        rows = sorted(rows, key=lambda row: row.frame)
        return cls(
            np.array([row.frame for row in rows], np.int64),
            np.array([row.box_xyxy for row in rows], np.float64).reshape(-1, 4).round(DECIMALS),
            np.array([row.class_id for row in rows], np.int64),
            np.array([row.track for row in rows], np.int64),
            np.array([np.nan if row.score is None else row.score for row in rows], np.float64),
            np.array([row.mark for row in rows], np.int8),
            np.array([row.is_occluded for row in rows], np.bool_),
            np.array([row.is_ignored for row in rows], np.bool_),
            {k: row.attributes for k, row in enumerate(rows) if row.attributes},
        )

    def rows(self) -> list[LabelledBox]:
        """Return the boxes one by one, in order."""
        columns = (self.frames, self.boxes_xyxy, self.class_ids, self.tracks, self.scores)
        lists = [column.tolist() for column in (*columns, self.marks, self.occluded, self.ignored)]
        lists[4] = [None if isnan(score) else score for score in lists[4]]
        return [
            LabelledBox(
                frame,
                tuple(box),
                class_id,
                track,
                score,
                Mark(mark),
                occluded,
                ignored,
                self.attributes.get(k, {}),
            )
            for k, (frame, box, class_id, track, score, mark, occluded, ignored) in enumerate(
                zip(*lists, strict=True)
            )
        ]


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """One box, see `Boxes`; score is None for a box without one."""

    frame: int
    box_xyxy: tuple[float, ...]
    class_id: int
    track: int = NO_TRACK
    score: float | None = None
    mark: Mark = Mark.NONE
    is_occluded: bool = False
    is_ignored: bool = False
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledClip:
    """The labels of one video, or of one folder of pictures.

    name: unique in its set; it can name a folder
    boxes: see `Boxes`
    frames: (m,) int64, increasing: the frames that were labelled, with or without objects
    frame_count: of the whole clip
    size: (height, width) of its frames, None if it is not known
    frame_rate: frames per second, None if it is not known
    is_video: whether its frames follow each other in time
    split: such as `train` or `val`, empty if the set has none
    files: (m) the file of each labelled frame, relative to the images of the clip; of a video they
        may be missing
    seconds: (m,) float64, the time of each labelled frame, None if it is not known
    sizes: of the pictures that have another size than `size`, by frame
    """

    name: str
    boxes: Boxes
    frames: Int64Array
    frame_count: int
    size: Size | None = None
    frame_rate: Fraction | None = None
    is_video: bool = True
    split: str = ""
    files: tuple[str, ...] = ()
    seconds: Float64Array | None = None
    sizes: Mapping[int, Size] = field(default_factory=dict)

    def __post_init__(self) -> None:
        m = len(self.frames)
        assert self.files == () or len(self.files) == m, self
        assert self.seconds is None or self.seconds.shape == (m,), self
        assert m == 0 or (self.frames[0] >= 0 and self.frames[-1] < self.frame_count), self
        assert (np.diff(self.frames) > 0).all(), "labelled frames are in order, each once"
        assert np.isin(self.boxes.frames, self.frames).all(), "boxes are in labelled frames"

    def __repr__(self) -> str:
        return f"LabelledClip({self.name!r}, frames={len(self.frames)}, boxes={len(self.boxes)})"

    def size_of(self, frame: int) -> Size | None:
        """Return the (height, width) of a frame, None if it is not known."""
        return self.sizes.get(frame, self.size)

    def file_of(self, position: int, suffix: str = ".jpg") -> str:
        """Return the file of the labelled frame at a position, as tools expect it.

        suffix: of a frame of a video that has no file yet
        """
        if self.files:
            return self.files[position]
        return VIDEO_FRAME.format(self.frames[position]) + suffix


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """Clips that are labelled with the same classes.

    classes: names, each once
    """

    classes: tuple[str, ...]
    clips: tuple[LabelledClip, ...]

    def __post_init__(self) -> None:
        names = [clip.name for clip in self.clips]
        assert len(set(names)) == len(names), names
        assert len(set(self.classes)) == len(self.classes), self.classes

    def __repr__(self) -> str:
        return f"LabelledSet(classes={len(self.classes)}, clips={list(self.clips)})"

    @property
    def box_count(self) -> int:
        """The number of boxes of all clips."""
        return sum(len(clip.boxes) for clip in self.clips)

    def with_classes(self, classes: Sequence[str]) -> LabelledSet:
        """Return the same labels with class ids that are positions in `classes`, which has all."""
        positions = np.array([classes.index(name) for name in self.classes], np.int64)
        clips = (
            replace(clip, boxes=replace(clip.boxes, class_ids=positions[clip.boxes.class_ids]))
            for clip in self.clips
        )
        return LabelledSet(tuple(classes), tuple(clips))


def safe_name(text: str) -> str:
    """Return a text as the name of a clip: one part of a path, without control characters."""
    kept = "".join("-" if each in "/\\:" or not each.isprintable() else each for each in text)
    return kept.strip().strip(".") or "clip"


def stem_of(name: str) -> str:
    """Return the name of a file without its folders and the endings of label files."""
    stem = PurePosixPath(name).name
    for _ in range(2):  # labels.coco.json
        stem = PurePosixPath(stem).stem if PurePosixPath(stem).suffix in STRIPPED else stem
    return safe_name(stem)


STRIPPED = {".json", ".xml", ".zip", ".coco", ".cvat", ".yolo", ".mot", ".labelstudio"}
