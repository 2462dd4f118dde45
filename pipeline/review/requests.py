"""What the review page asks for, as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.errors import UsageError
from detector.labels.labelled import NO_TRACK, BoolArray, Boxes, LabelledClip, Mark
from pipeline.review.edits import Edges, added, deleted, merged, moved, of_class, split
from pipeline.review.workspace import Workspace

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Edit(BaseModel):
    """A correction, or one that is taken back.

    version: of the labels that the person has seen
    row: the box that is meant; track: the track that is meant, all of it
    """

    model_config = _STRICT
    version: int
    action: Literal["class", "delete", "move", "add", "merge", "split", "undo", "redo"]
    row: int | None = Field(default=None, ge=0)
    track: int | None = Field(default=None, ge=0)
    other: int | None = Field(default=None, ge=0, description="the track that becomes part of it")
    frame: int | None = Field(default=None, ge=0)
    class_name: str | None = None
    box: Edges | None = Field(default=None, description="left, top, right, bottom, in pixels")

    def apply(self, workspace: Workspace) -> None:
        """Carry it out. Raises UsageError, Changed."""
        if self.action == "undo":
            workspace.undo(self.version)
        elif self.action == "redo":
            workspace.redo(self.version)
        else:
            workspace.change(self.version, lambda clip: self._edited(clip, workspace.classes))

    def _edited(self, clip: LabelledClip, classes: Sequence[str]) -> Boxes:
        boxes = clip.boxes
        if self.action == "class":
            return of_class(boxes, self._rows(boxes), self._class_id(classes))
        if self.action == "delete":
            return deleted(boxes, self._rows(boxes))
        if self.action == "move" and self.box and self.row is not None:
            return moved(boxes, int(np.flatnonzero(self._rows(boxes))[0]), self.box)
        if self.action == "add" and self.box and self.frame in clip.frames:
            track = NO_TRACK if self.track is None else self.track
            return added(clip, int(self.frame or 0), self.box, self._class_id(classes), track)
        if self.action == "merge" and self.track is not None and self.other is not None:
            return merged(boxes, self.track, self.other)
        if self.action == "split" and self.track is not None and self.frame is not None:
            return split(boxes, self.track, self.frame)
        raise UsageError(f"{self.action}: row, track, other, frame or box is missing or wrong")

    def _rows(self, boxes: Boxes) -> BoolArray:
        """Return the mask of the track, or of the box."""
        if self.track is not None:
            return np.asarray(boxes.tracks == self.track)
        if self.row is None or self.row >= len(boxes):
            raise UsageError(f"{self.action}: row: no such box: choose one")
        return np.asarray(np.arange(len(boxes)) == self.row)

    def _class_id(self, classes: Sequence[str]) -> int:
        if self.class_name not in classes:
            raise UsageError(f"class_name: {self.class_name} given; accepted: {', '.join(classes)}")
        return classes.index(self.class_name)


class Filter(BaseModel):
    """Which boxes a person looks for.

    marks: names of marks, empty for all; below: scores below it
    """

    model_config = _STRICT
    marks: tuple[str, ...] = ()
    below: float | None = None
    class_name: str | None = None

    def found(self, boxes: Boxes, classes: Sequence[str]) -> list[dict[str, int]]:
        """Return each frame with such a box and the row of the first one, in order."""
        kept = np.ones(len(boxes), bool)
        if self.marks:
            kept &= np.isin(boxes.marks, [Mark[name.upper()] for name in self.marks])
        if self.below is not None:
            kept &= boxes.scores < self.below
        if self.class_name:
            kept &= boxes.class_ids == classes.index(self.class_name)
        rows = np.flatnonzero(kept)
        frames, first = np.unique(boxes.frames[rows], return_index=True)
        pairs = zip(frames.tolist(), rows[first].tolist(), strict=True)
        return [{"frame": frame, "row": row} for frame, row in pairs]


def summary(workspace: Workspace) -> dict[str, Any]:
    """Return everything about the labels but the boxes of single frames."""
    clip, classes = workspace.clip, workspace.classes
    height, width = clip.size or (0, 0)
    return {
        "name": clip.name,
        "output": str(workspace.output.name),
        "classes": list(classes),
        "frames": clip.frames.tolist(),
        "width": width,
        "height": height,
        "version": workspace.version,
        "saved": workspace.is_saved,
        "can_undo": workspace.can_undo,
        "can_redo": workspace.can_redo,
        "boxes": len(clip.boxes),
        "tracks": len(clip.boxes.track_ids),
    }


def frame_content(workspace: Workspace, frame: int) -> list[dict[str, Any]]:
    """Return the boxes of a frame; row: the number of a box in this version of the labels."""
    boxes = workspace.clip.boxes
    rows = np.flatnonzero(boxes.frames == frame)
    found = []
    for row, each in zip(rows.tolist(), boxes[rows].rows(), strict=True):
        mine = boxes.frames[boxes.tracks == each.track] if each.track != NO_TRACK else [frame]
        found.append(
            {
                "row": row,
                "track": None if each.track == NO_TRACK else each.track,
                "class": workspace.classes[each.class_id],
                "score": each.score,
                "mark": each.mark.name.lower(),
                "box": list(each.box_xyxy),
                "first": int(mine[0]),
                "last": int(mine[-1]),
            }
        )
    return found
