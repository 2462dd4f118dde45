"""What happened in a labelled clip, and which of the events that were found tell of it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot
from pathlib import Path

from pipeline.events.record import EventRecord

Box = tuple[float, float, float, float]  # x0, y0, x1, y1

SAME_OBJECT = 0.4  # IoU from which two boxes are taken for one object
MARGIN = 0.01  # of the frame's diagonal: so far beyond a line is on its other side


@dataclass(frozen=True)
class Presence:
    """An object in a clip, from one frame to another; boxes by frame, counted from 1."""

    class_name: str
    boxes: Mapping[int, Box]

    @property
    def first(self) -> int:
        """Its first frame."""
        return min(self.boxes)

    @property
    def last(self) -> int:
        """Its last frame."""
        return max(self.boxes)

    def crossings(self, at: float, axis: int, size: tuple[int, int]) -> int:
        """Return how often the middle of its lower edge passes x (axis 0) or y (1) = `at`."""
        margin = MARGIN * hypot(*size)
        sides = []
        for frame in sorted(self.boxes):
            x0, _, x1, y1 = self.boxes[frame]
            beyond = ((x0 + x1) / 2, y1)[axis] - at
            if abs(beyond) > margin:
                sides.append(beyond > 0)
        return sum(before != after for before, after in pairwise(sides))


@dataclass
class Comparison:
    """Truth and events of one class in one clip.

    found: objects with at least one event; missed: those with none
    split: further events of an object; false: events of nothing
    late, early: seconds from an object's appearing to its event's start, and from the event's
        end to its leaving, of each object found
    """

    truth: int = 0
    events: int = 0
    found: int = 0
    missed: int = 0
    split: int = 0
    false: int = 0
    late: list[float] = field(default_factory=list)
    early: list[float] = field(default_factory=list)


def read_truth(path: Path, names: Mapping[int, str], gap: int) -> list[Presence]:
    """Return the objects in a ground truth file; one that is absent for over `gap` frames is two.

    path: lines `frame,id,x,y,w,h,1,class,visibility`; names: by class
    """
    boxes: dict[tuple[str, str], dict[int, Box]] = defaultdict(dict)
    for line in path.read_text().splitlines():
        frame, track, x, y, w, h, _, class_id, *_ = line.split(",")
        left, top = float(x), float(y)
        box = left, top, left + float(w), top + float(h)
        boxes[track, names[int(class_id)]][int(frame)] = box
    return [
        Presence(class_name, {frame: all_[frame] for frame in frames})
        for (_, class_name), all_ in boxes.items()
        for frames in _runs(sorted(all_), gap)
    ]


def read_ignored(path: Path) -> list[tuple[int, int, Box]]:
    """Return the regions without labels: first and last frame, box; none if there is no file."""
    if not path.is_file():
        return []
    rows = [[float(cell) for cell in line.split(",")] for line in path.read_text().splitlines()]
    return [(int(a), int(b), (x, y, x + w, y + h)) for a, b, x, y, w, h in rows]


def read_tracks(path: Path) -> dict[int, dict[int, Box]]:
    """Return the boxes of each track in JSON lines, by frame, counted from 1."""
    tracks: dict[int, dict[int, Box]] = defaultdict(dict)
    with path.open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            for each in line["tracks"]:
                tracks[each["id"]][line["index"] + 1] = tuple(each["box"])
    return tracks


def compare(
    truth: Sequence[Presence],
    events: Sequence[EventRecord],
    tracks: Mapping[int, Mapping[int, Box]],
    ignored: Sequence[tuple[int, int, Box]],
    frame_rate: float,
) -> dict[str, Comparison]:
    """Return what was found of the truth, by class.

    events: of objects
    """
    found: dict[str, Comparison] = defaultdict(Comparison)
    told: dict[int, list[EventRecord]] = defaultdict(list)  # by place in `truth`
    for event in events:
        assert event.track is not None and event.end and event.class_name
        first, last = (round(m.seconds * frame_rate) + 1 for m in (event.start, event.end))
        boxes = {k: box for k, box in tracks[event.track].items() if first <= k <= last}
        match = _object_of(event.class_name, boxes, truth)
        if match is not None:
            told[match].append(event)
        elif _mostly_ignored(boxes, ignored):
            continue
        else:
            found[event.class_name].false += 1
        found[event.class_name].events += 1
    for place, presence in enumerate(truth):
        result = found[presence.class_name]
        result.truth += 1
        mine = told[place]
        result.found += bool(mine)
        result.missed += not mine
        result.split += max(0, len(mine) - 1)
        if mine:
            start = min(event.start.seconds for event in mine)
            end = max(event.end.seconds for event in mine if event.end)
            result.late.append(start - (presence.first - 1) / frame_rate)
            result.early.append((presence.last - 1) / frame_rate - end)
    return dict(found)


def _object_of(class_name: str, boxes: Mapping[int, Box], truth: Sequence[Presence]) -> int | None:
    """Return the object that a track shows in most of its frames; None if in less than half."""
    votes: Counter[int] = Counter()
    for frame, box in boxes.items():
        overlaps = {
            place: _iou(box, presence.boxes[frame])
            for place, presence in enumerate(truth)
            if presence.class_name == class_name and frame in presence.boxes
        }
        best = max(overlaps, key=lambda place: overlaps[place], default=None)
        if best is not None and overlaps[best] >= SAME_OBJECT:
            votes[best] += 1
    if not votes or votes.total() * 2 < len(boxes):
        return None
    return votes.most_common(1)[0][0]


def _mostly_ignored(boxes: Mapping[int, Box], ignored: Sequence[tuple[int, int, Box]]) -> bool:
    inside = 0
    for frame, (x0, y0, x1, y1) in boxes.items():
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        inside += any(
            first <= frame <= last and left <= x <= right and top <= y <= bottom
            for first, last, (left, top, right, bottom) in ignored
        )
    return inside * 2 > len(boxes)


def _iou(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _runs(frames: Iterable[int], gap: int) -> list[list[int]]:
    """Return ascending numbers in groups without a larger step than `gap`."""
    runs: list[list[int]] = []
    for frame in frames:
        if not runs or frame - runs[-1][-1] > gap:
            runs.append([])
        runs[-1].append(frame)
    return runs
