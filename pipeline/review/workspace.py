"""The labels that are corrected: their present state, what can be undone, and their file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock

from detector.errors import UsageError
from detector.labels.findings import Findings
from detector.labels.formats import (
    ENDINGS,
    Format,
    Hints,
    Kind,
    ending_of,
    read_labels,
    write_labels,
)
from detector.labels.labelled import Boxes, LabelledClip, LabelledSet, Size

KEPT = 200  # states that can be undone
HELD = (Format.CVAT, Format.COCO)  # the formats that keep all that the page can change


class Changed(UsageError):
    """Somebody else has changed the labels meanwhile."""


class Workspace:
    """The labels of one recording, which several threads may read and change.

    labels: a file of one recording; output: where they are saved, CVAT or COCO
    size: (height, width) of the recording's frames, None if it is not known
    left_out: lines about mistakes in the labels, which were mended or left out
    Raises UsageError.
    """

    def __init__(self, labels: Path, output: Path, size: Size | None = None) -> None:
        _check_output(output)
        findings = Findings()
        found = read_labels(labels, findings, Hints(size))
        self.left_out = findings.lines
        if len(found.clips) != 1:
            raise UsageError(
                f"{labels}: has the labels of {len(found.clips)} recordings: give those of one"
            )
        clip = _of_size(found.clips[0], size)
        self.output = output
        self.classes = found.classes
        self._lock = Lock()
        self._states = [clip]  # the last one is the present one
        self._undone: list[LabelledClip] = []
        self._saved: LabelledClip | None = clip if output == labels else None
        self.version = 0  # grows with each change

    @property
    def clip(self) -> LabelledClip:
        """The present labels."""
        return self._states[-1]

    @property
    def is_saved(self) -> bool:
        """Whether the file has the present labels."""
        return self._saved is self.clip

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return len(self._states) > 1

    @property
    def can_redo(self) -> bool:
        """Whether something was undone."""
        return bool(self._undone)

    def change(self, version: int, edit: Callable[[LabelledClip], Boxes]) -> None:
        """Correct the labels; version: what the person has seen. Raises UsageError, Changed."""
        with self._lock:
            self._check_version(version)
            self._states = [*self._states, replace(self.clip, boxes=edit(self.clip))][-KEPT:]
            self._undone = []
            self.version += 1

    def undo(self, version: int) -> None:
        """Take the last correction back, if there is one. Raises Changed."""
        with self._lock:
            self._check_version(version)
            if self.can_undo:
                self._undone.append(self._states.pop())
                self.version += 1

    def redo(self, version: int) -> None:
        """Make the last correction again that was taken back, if there is one. Raises Changed."""
        with self._lock:
            self._check_version(version)
            if self._undone:
                self._states.append(self._undone.pop())
                self.version += 1

    def save(self) -> None:
        """Write the file; the old one stays until the new one is complete. Raises UsageError."""
        with self._lock:
            clip = self.clip
            write_labels(LabelledSet(self.classes, (clip,)), self.output)
            self._saved = clip

    def keep_unsaved(self) -> Path | None:
        """Write corrections that are not saved to a file beside the output, and return its path.

        Raises UsageError.
        """
        with self._lock:
            if not self.version or self.is_saved:
                return None
            ending = ending_of(str(self.output)) or ""
            name = self.output.name
            path = self.output.with_name(f"{name.removesuffix(ending)}.unsaved{ending}")
            write_labels(LabelledSet(self.classes, (self.clip,)), path)
            return path

    def _check_version(self, version: int) -> None:
        if version != self.version:
            raise Changed("the labels were changed in another window: look at them again")


def _of_size(clip: LabelledClip, size: Size | None) -> LabelledClip:
    """Return a clip with the size of its recording. Raises UsageError if it is another one."""
    known = clip.size or size
    if clip.is_video and size and known != size:
        assert known
        raise UsageError(
            f"the labels are of frames of {known[1]} x {known[0]} pixels, but the recording has "
            f"{size[1]} x {size[0]}: give the recording that was labelled"
        )
    return replace(clip, size=known)


def _check_output(output: Path) -> None:
    ending = ending_of(str(output))
    accepted = [each for each, (kind, where) in ENDINGS.items() if kind in HELD]
    accepted = [each for each in accepted if ENDINGS[each][1] is Kind.FILE]
    if ending not in accepted:
        raise UsageError(
            f"{output}: the review page saves CVAT's XML and COCO's JSON: give --output with one "
            f"of {', '.join(accepted)}"
        )
