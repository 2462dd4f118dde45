"""What is allowed in labels, but unlikely to be meant: a person should look at it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from detector.labels.keyframes import by_track
from detector.labels.labelled import LabelledBox, LabelledClip, LabelledSet

SAME = 0.9  # overlap from which two boxes of a class in a frame are taken for one object
SLIVER = 2.0  # pixels: a thinner box can hardly be seen
BEYOND = 1.0  # pixels that a box may reach beyond its frame
JUMP = 3.0  # times its size that the centre of a box may move from one labelled frame to the next


def doubts(labels: LabelledSet) -> list[str]:
    """Return a line for everything unlikely, with clip, frame and what it is."""
    return [
        f"clip '{clip.name}', {line}" for clip in labels.clips for line in _of_clip(clip, labels)
    ]


def _of_clip(clip: LabelledClip, labels: LabelledSet) -> Iterator[str]:
    frames: dict[int, list[LabelledBox]] = {}
    rows = clip.boxes.rows()
    for row in rows:
        frames.setdefault(row.frame, []).append(row)
    for frame, boxes in frames.items():
        for line in _of_frame(clip, boxes, labels):
            yield f"frame {frame}: {line}"
    tracks, _ = by_track(rows)
    for track, boxes in sorted(tracks.items()):
        for line in _of_track(clip, boxes, labels):
            yield f"track {track}: {line}"


def _of_frame(clip: LabelledClip, boxes: list[LabelledBox], labels: LabelledSet) -> Iterator[str]:
    size = clip.size_of(boxes[0].frame)
    for k, box in enumerate(boxes):
        name, (left, top, right, bottom) = labels.classes[box.class_id], box.box_xyxy
        if min(right - left, bottom - top) < SLIVER:
            yield f"{name} of {right - left:g} x {bottom - top:g} pixels"
        if size and (
            min(left, top) < -BEYOND or right > size[1] + BEYOND or bottom > size[0] + BEYOND
        ):
            yield f"{name} reaches beyond the frame of {size[1]} x {size[0]} pixels"
        for other in boxes[:k]:
            if other.class_id == box.class_id and overlap(box, other) >= SAME:
                yield f"two boxes of {name} are almost the same"


def _of_track(clip: LabelledClip, boxes: list[LabelledBox], labels: LabelledSet) -> Iterator[str]:
    for before, after in pairwise(boxes):
        if before.class_id != after.class_id:
            names = [labels.classes[each.class_id] for each in (before, after)]
            yield f"is {names[0]} in frame {before.frame} and {names[1]} in frame {after.frame}"
        gap = after.frame - before.frame
        if clip.is_video and gap == 1 and _moved(before, after) > JUMP:
            yield f"jumps from frame {before.frame} to frame {after.frame}"


def _moved(before: LabelledBox, after: LabelledBox) -> float:
    """Return how far a centre moved, in sizes of the larger box."""
    centres = [
        ((b.box_xyxy[0] + b.box_xyxy[2]) / 2, (b.box_xyxy[1] + b.box_xyxy[3]) / 2)
        for b in (before, after)
    ]
    sides = [
        max(b.box_xyxy[2] - b.box_xyxy[0], b.box_xyxy[3] - b.box_xyxy[1]) for b in (before, after)
    ]
    (x, y), (u, v) = centres
    return float(((x - u) ** 2 + (y - v) ** 2) ** 0.5 / max(sides))


def overlap(one: LabelledBox, other: LabelledBox) -> float:
    """Return the intersection of two boxes over their union."""
    a, b = one.box_xyxy, other.box_xyxy
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (areas - width * height)
