"""Tracks as labels for annotation tools: collected, and written at the end of the stream."""

from __future__ import annotations

import errno
import os
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import UsageError
from detector.labels.file_tree import FileTree, Folder, SingleFile, Zip
from detector.labels.formats import ENDINGS, Kind, ending_of, image_name, write_files
from detector.labels.labelled import Boxes, LabelledClip, LabelledSet, Mark, Size, safe_name
from pipeline.analysis import BOX_DECIMALS
from pipeline.frames.fate import Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.result import Tracked
from pipeline.sinks import SinkError
from pipeline.sinks.recorder import Recorder
from trackers.motchallenge.text import Origin
from trackers.tracks import Tracks

Int8Array = NDArray[np.int8]

QUALITY = 95  # of JPEG: frames are labelled and trained on
SCORE_DECIMALS = 4
MARKS = {  # of boxes in refined tracks
    Origin.SMOOTHED: Mark.DETECTED,
    Origin.INTERPOLATED: Mark.INTERPOLATED,
    Origin.LINKED: Mark.LINKED,
}
TREES: dict[Kind, Callable[[Path], FileTree]] = {
    Kind.FILE: SingleFile,
    Kind.ZIP: Zip,
    Kind.FOLDER: Folder,
}


class Labels(Recorder):
    """Writes the labels of a stream in the format that the ending names: see `detector.labels`.

    Labels are held in memory, about 100 bytes a box: most formats need whole tracks.
    After a failure those so far are written. Images are written as they come.

    images: also write the labelled frames, into a zip or folder, as `jpg` or `png`
    every: label and write each k-th frame only
    only_objects: and only frames with objects
    """

    accepted: ClassVar[tuple[str, ...]] = tuple(ENDINGS)
    foreign_errors: ClassVar[tuple[type[Exception], ...]] = (OSError, UsageError)

    def __init__(
        self,
        path: Path | str,
        classes: Sequence[str] = (),
        *,
        images: Literal["jpg", "png"] | None = None,
        every: int = 1,
        only_objects: bool = False,
    ) -> None:
        ending = ending_of(str(path))
        assert ending is not None, path
        self._ending = ending
        self._format, self._kind = ENDINGS[ending]
        if images and self._kind is Kind.FILE:
            raise UsageError(
                f"output '{path}': images cannot be beside one file: end the name in .zip, such as "
                ".coco.zip, .cvat.zip or .yolo.zip"
            )
        if every < 1:
            raise UsageError(f"output '{path}': every: {every} given: a number from 1 is expected")
        super().__init__(path, classes)
        self._suffix = f".{images}" if images else None
        self._every = every
        self._only_objects = only_objects
        self._collected: _Collected | None = None
        self._tree: FileTree | None = None

    @classmethod
    def accepts(cls, url: str) -> bool:
        """Return whether `url` is a path with one of the endings."""
        return "://" not in url and ending_of(url) is not None

    @property
    def is_folder(self) -> bool:
        """Whether it writes a folder, not a file."""
        return self._kind is Kind.FOLDER

    def write_to(self, path: Path) -> None:
        """Write to another path, whose suffix need not tell the format; called before `open`."""
        super().write_to(path)
        if path.name.lower().endswith(self._ending):
            stem, ending = path.name[: -len(self._ending)], path.name[-len(self._ending) :]
            self.incomplete_path = path.with_name(f"{stem}.incomplete{ending}")

    def _create(self) -> None:
        if not self.is_folder:
            super()._create()
            return
        self.path.mkdir(parents=True, exist_ok=True)
        if any(self.path.iterdir()):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        self._growing, self.written = True, self.path

    def _begin(self, frame: Frame) -> None:
        self._collected = _Collected(frame)
        self._tree = TREES[self._kind](self.path)

    def _write(self, item: Tracked) -> list[Ticket]:
        assert self._collected is not None
        frame, tracks = item.frame, item.tracks.confirmed
        if frame.index % self._every == 0 and (len(tracks) or not self._only_objects):
            self._collected.add(frame, tracks, _marks(item, len(tracks)))
            if self._suffix:
                self._write_image(frame, self._suffix)
        return [frame.ticket]

    def _write_image(self, frame: Frame, suffix: str) -> None:
        assert self._collected is not None and self._tree is not None
        quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if suffix == ".jpg" else []
        done, data = cv2.imencode(suffix, frame.picture.bgr, quality)
        if not done:
            raise SinkError(f"cannot write '{self.path}': frame {frame.index} cannot be encoded")
        clip = self._collected.single(frame, suffix)
        name = image_name(LabelledSet((), (clip,)), clip, 0, self._format, suffix)
        self._tree.add(name, data.tobytes())

    def _complete(self) -> list[Ticket]:
        assert self._collected is not None and self._tree is not None
        clip = self._collected.clip(self._suffix)
        labels = LabelledSet(tuple(self._classes), (clip,))
        try:
            write_files(labels, self._tree, self._format, self._kind)
        finally:
            self._tree.close()
        return []

    def _abandon(self) -> None:
        self._complete()


def _marks(item: Tracked, count: int) -> Int8Array:
    """Return how each box of a frame was obtained."""
    if item.origins is None:
        return np.full(count, Mark.INTERPOLATED if item.frame.rests else Mark.DETECTED, np.int8)
    return np.array([MARKS[Origin(origin)] for origin in item.origins.tolist()], np.int8)


class _Collected:
    """The labels of a stream so far."""

    def __init__(self, frame: Frame) -> None:
        self._stream = frame.stream
        self._name = safe_name(frame.stream.name)
        self._frames, self._seconds = array("q"), array("d")
        self._size = frame.picture.height, frame.picture.width
        self._sizes: dict[int, Size] = {}
        self._last = 0
        self._boxes: list[tuple[int, Tracks, Int8Array]] = []

    def add(self, frame: Frame, tracks: Tracks, marks: Int8Array) -> None:
        """Add the labels of a frame."""
        self._frames.append(frame.index)
        self._seconds.append(float(frame.time))
        size = frame.picture.height, frame.picture.width
        if size != self._size:
            self._sizes[frame.index] = size
        if len(tracks):
            self._boxes.append((frame.index, tracks, marks))

    def single(self, frame: Frame, suffix: str) -> LabelledClip:
        """Return a clip of only this frame, without its boxes: it names the image."""
        files = (self._file(frame.index, suffix),) if self._stream.files else ()
        frames = np.array([frame.index])
        video = not self._stream.files
        return LabelledClip(
            self._name, Boxes.of([]), frames, frame.index + 1, is_video=video, files=files
        )

    def _file(self, index: int, suffix: str | None) -> str:
        file = self._stream.files[index]
        return str(Path(file).with_suffix(suffix)) if suffix else file

    def clip(self, suffix: str | None) -> LabelledClip:
        """Return all labels; suffix: of the images that were written, if they were."""
        frames = np.array(self._frames, np.int64)
        files = self._stream.files
        return LabelledClip(
            self._name,
            self._all_boxes(),
            frames,
            max(len(files), int(frames[-1]) + 1 if len(frames) else 0),
            self._size,
            None if files else 1 / self._stream.nominal_interval,
            not files,
            "",
            tuple(self._file(index, suffix) for index in self._frames) if files else (),
            np.array(self._seconds, np.float64),
            self._sizes,
        )

    def _all_boxes(self) -> Boxes:
        if not self._boxes:
            return Boxes.of([])
        tracks = [each for _, each, _ in self._boxes]
        counts = [len(each) for each in tracks]
        n = sum(counts)
        boxes = np.concatenate([each.boxes_xyxy for each in tracks]).astype(np.float64)
        scores = np.concatenate([each.scores for each in tracks]).astype(np.float64)
        found = Boxes(
            np.repeat([frame for frame, _, _ in self._boxes], counts),
            boxes.round(BOX_DECIMALS),
            np.concatenate([each.class_ids for each in tracks]),
            np.concatenate([each.ids for each in tracks]),
            scores.round(SCORE_DECIMALS),
            np.concatenate([marks for _, _, marks in self._boxes]),
            np.zeros(n, np.bool_),
            np.zeros(n, np.bool_),
        )
        sides = found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]
        return found[np.flatnonzero((sides > 0).all(axis=1))]
