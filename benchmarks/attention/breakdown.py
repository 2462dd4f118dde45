"""What attention costs, by class and by size of the objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from benchmarks.attention.material import Clip
from benchmarks.attention.replay import first_found
from detector.detections import Int64Array
from pipeline.sources.street.labelled_clip import CLASSES
from trackers.evaluation.clear import EPSILON, MATCH_IOU
from trackers.evaluation.comparison import best, compare
from trackers.evaluation.evaluate import Scores, evaluate
from trackers.motchallenge.text import MotRows, read_mot

SIZES = ("small", "medium", "large")
SIZE_LIMITS = np.array([32.0**2, 96.0**2])  # square pixels: those of COCO
ALL = "all boxes"


@dataclass(frozen=True)
class Cost:
    """The scores of some objects with attention off and on; adding two adds their counts.

    late: by how many seconds objects are found later
    never: how many are not found any more
    """

    off: Scores
    on: Scores
    late: tuple[float, ...]
    never: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.off + other.off,
            self.on + other.on,
            self.late + other.late,
            self.never + other.never,
        )

    @property
    def late_p95(self) -> float:
        """The 95th percentile of `late`, 0 without objects."""
        return float(np.percentile(self.late, 95)) if self.late else 0.0


def costs(clip: Clip, off: MotRows, on: MotRows, fps: float) -> dict[str, Cost]:
    """Return what attention costs in a clip: for all objects, for each class and for each size.

    off, on: the tracks of every frame
    """
    truth = read_mot(clip.truth, with_classes=True)
    groups = [dict(_groups(truth, rows)) for rows in (off, on)]
    before, after = first_found(clip, off), first_found(clip, on)
    delays: dict[str, list[float]] = {name: [] for name in groups[0]}
    never = dict.fromkeys(delays, 0)
    for identity, first in before.items():
        if first is None:
            continue
        second = after[identity]
        row = int(np.flatnonzero((truth.ids == identity) & (truth.frames == first))[0])
        size = SIZES[_sizes(truth)[row]]
        for name in (ALL, CLASSES[truth.class_ids[row]], size):
            if second is None:
                never[name] += 1
            else:
                delays[name].append((second - first) / fps)
    return {
        name: Cost(scores, groups[1][name], tuple(delays[name]), never[name])
        for name, scores in groups[0].items()
    }


def _groups(truth: MotRows, rows: MotRows) -> Iterator[tuple[str, Scores]]:
    """Yield the scores of all boxes, of those of each class, and of those of each size.

    A tracked box that matches a true one has the size of that.
    """
    by_class = evaluate(truth, rows, "classes")
    nothing = evaluate(truth[:0], rows[:0])[0]
    yield ALL, reduce(add, by_class.values())
    for number, name in enumerate(CLASSES):
        yield name, by_class.get(number, nothing)
    true_sizes, sizes = _sizes(truth), _sizes(rows)
    for here, there in _matches(truth, rows):
        sizes[there] = true_sizes[here]
    for number, name in enumerate(SIZES):
        chosen = evaluate(truth[true_sizes == number], rows[sizes == number], "classes")
        yield name, reduce(add, chosen.values())


def _sizes(rows: MotRows) -> Int64Array:
    """Return (n,) the position of each box's size in SIZES."""
    areas = (rows.boxes_xyxy[:, 2:] - rows.boxes_xyxy[:, :2]).prod(axis=1)
    return np.asarray(np.searchsorted(SIZE_LIMITS, areas, side="right"), np.int64)


def _matches(truth: MotRows, rows: MotRows) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Yield the positions of matched boxes in both, for each frame; boxes match in their class."""
    comparison = compare(truth, rows)
    for frame in comparison.frames():
        pairs = comparison.pairs[frame]
        same: NDArray[np.bool_] = truth.class_ids[pairs.rows] == rows.class_ids[pairs.columns]
        pairs = pairs[same & (pairs.iou >= MATCH_IOU - EPSILON)]
        made = pairs[best(pairs, pairs.iou)]
        yield made.rows, made.columns
