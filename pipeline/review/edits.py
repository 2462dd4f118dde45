"""Corrections of labels: each returns new labels, and leaves the old ones as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detector.errors import UsageError
from detector.labels.labelled import (
    DECIMALS,
    NO_TRACK,
    BoolArray,
    Boxes,
    LabelledBox,
    LabelledClip,
    Mark,
)

Edges = tuple[float, float, float, float]  # left, top, right, bottom


def deleted(boxes: Boxes, rows: BoolArray) -> Boxes:
    """Return the boxes without those in `rows`."""
    return boxes[~rows]


def of_class(boxes: Boxes, rows: BoolArray, class_id: int) -> Boxes:
    """Return the boxes with another class in `rows`."""
    return replace(boxes, class_ids=np.where(rows, class_id, boxes.class_ids))


def moved(boxes: Boxes, row: int, edges: Edges) -> Boxes:
    """Return the boxes with one at another place: a person has drawn it, so its mark is gone.

    Raises UsageError if it has no area.
    """
    _check(edges)
    places, marks = boxes.boxes_xyxy.copy(), boxes.marks.copy()
    places[row], marks[row] = np.round(edges, DECIMALS), Mark.NONE
    return replace(boxes, boxes_xyxy=places, marks=marks)


def added(clip: LabelledClip, frame: int, edges: Edges, class_id: int, track: int) -> Boxes:
    """Return the boxes of a clip with one more. Raises UsageError if it has no area.

    track: NO_TRACK for an object without identity
    """
    _check(edges)
    if track != NO_TRACK and _has(clip.boxes, frame, track):
        raise UsageError(f"track {track} has a box in frame {frame} already: move that one")
    return Boxes.of([*clip.boxes.rows(), LabelledBox(frame, edges, class_id, track)])


def merged(boxes: Boxes, track: int, other: int) -> Boxes:
    """Return the boxes with `other` as a part of `track`, which gives the class.

    Raises UsageError if both are in one frame: they are two objects then.
    """
    mine, others = boxes.tracks == track, boxes.tracks == other
    both = np.intersect1d(boxes.frames[mine], boxes.frames[others])
    if track == other or not (mine.any() and others.any()):
        raise UsageError(f"tracks {track} and {other} cannot be merged: choose two tracks")
    if len(both):
        raise UsageError(
            f"tracks {track} and {other} are both in frame {both[0]}, and in {len(both)} frames "
            "together: delete one of them there, or split it first"
        )
    return replace(
        boxes,
        tracks=np.where(others, track, boxes.tracks),
        class_ids=np.where(others, boxes.class_ids[mine][0], boxes.class_ids),
    )


def split(boxes: Boxes, track: int, frame: int) -> Boxes:
    """Return the boxes with a new track from `frame` on.

    Raises UsageError if nothing of the track is on one of the sides.
    """
    mine = boxes.tracks == track
    later = mine & (boxes.frames >= frame)
    if not later.any() or later.sum() == mine.sum():
        raise UsageError(f"track {track} has no boxes on both sides of frame {frame}")
    return replace(boxes, tracks=np.where(later, free_track(boxes), boxes.tracks))


def free_track(boxes: Boxes) -> int:
    """Return an identity that no track has."""
    return int(boxes.tracks.max(initial=0)) + 1


def _check(edges: Edges) -> None:
    left, top, right, bottom = edges
    if not (np.isfinite(edges).all() and left < right and top < bottom):
        raise UsageError(f"box {list(edges)} has no area: left, top, right, bottom are expected")


def _has(boxes: Boxes, frame: int, track: int) -> bool:
    return bool(((boxes.frames == frame) & (boxes.tracks == track)).any())
