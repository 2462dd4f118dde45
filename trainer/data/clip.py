"""Video data sets: a clip with MOT-style labels, read frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detector.detections import Float32Array
from detector.errors import UsageError
from detector.text_file import read_text
from trainer.data.counts import Counts
from trainer.data.data_errors import Findings
from trainer.data.labels import Labels, class_map, read_ignore, read_mot, remapped
from trainer.data.samples import Sample
from trainer.data.video_frames import VideoFrames, measure


class Clip:
    """Frames of `videos/<name>.*`, with labels in `gt/<name>.txt` and `ignore/<name>.txt`.

    Frames count from 1 in decoding order: see `VideoFrames`. Class ids are positions in
    `classes.txt` beside the folders, from 0; without that file they are positions in `classes`.
    """

    random_access = False  # a step back decodes the clip from its start

    def __init__(
        self,
        path: Path,
        classes: Sequence[str],
        findings: Findings,
        frames: tuple[int, int] | None = None,
        every: int = 1,
    ) -> None:
        """Open a clip: all frames or `frames` (first, last), and of these each `every`-th.

        Raises UsageError if the clip or its labels cannot be read. Wrong labels are noted in
        `findings` and left out.
        """
        self.path = path
        size, count = measure(path, count=frames is None)
        first, last = frames or (1, count)
        self._frames = range(first, last + 1, every)
        folder, text = path.parent.parent, f"{path.stem}.txt"
        names = _class_names(folder / "classes.txt", classes) or list(classes)
        class_ids = class_map(names, classes, folder / "classes.txt", findings)
        labelled = read_mot(folder / "gt" / text, len(names), size, findings)
        self._labels = {frame: remapped(labels, class_ids) for frame, labels in labelled.items()}
        self._ignore = read_ignore(folder / "ignore" / text, size, findings)
        used = (self._labels.get(frame, Labels.of([])) for frame in self._frames)
        self.counts = Counts.of(len(labels.class_ids) for labels in used)
        self._pictures = VideoFrames(path, self._frames[-1] if self._frames else None)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        frame = self._frames[index]
        labels = self._labels.get(frame, Labels.of([]))
        return Sample(
            self._pictures.read(frame),
            labels.boxes_xyxy,
            labels.class_ids,
            f"{self.path}#{frame}",
            self._ignored(frame),
        )

    def _ignored(self, frame: int) -> Float32Array:
        boxes = [box for first, last, box in self._ignore if first <= frame <= last]
        return np.array(boxes, np.float32).reshape(-1, 4)


def _class_names(path: Path, classes: Sequence[str]) -> list[str]:
    """Return the names in a file: one per line, or several with white space between.

    A line that is not one of `classes`, but has a word that is, holds several names. Without a file
    there are none.
    """
    if not path.exists():
        return []
    try:
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path}: the class names cannot be read: {error}") from error
    return [name for line in lines for name in _names_in(line, classes)]


def _names_in(line: str, classes: Sequence[str]) -> list[str]:
    several = line not in classes and any(word in classes for word in line.split())
    return line.split() if several else [line]
