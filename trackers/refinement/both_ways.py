"""Tracks in the order of time, completed by tracks against it.

A tracker confirms a track late, and loses it early when it is covered or found with low scores.
Backwards it does so at the other ends. Boxes that both have show which tracks are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from detector.detections import Int64Array
from trackers.base.assignment import assign, overlapping
from trackers.base.kalman import Float64Array
from trackers.motchallenge.text import MotRows
from trackers.refinement.tracklets import Tracklets, by_identity, chains

MIN_IOU = 0.7  # of two boxes that are the same
MIN_SHARED = 3  # boxes; fewer may be chance
END_SECONDS = 0.1  # a shared box so close to the end of a track counts as its end


def completed(
    forward: MotRows, backward: MotRows, seconds: Float64Array, seconds_back: Float64Array
) -> Tracklets:
    """Return the tracks forwards, longer where those backwards are, and joined where they go on.

    seconds, seconds_back: of the rows of `forward` and `backward`
    """
    spans = {
        int(forward.ids[rows[0]]): (float(seconds[rows[0]]), float(seconds[rows[-1]]))
        for rows in by_identity(forward)
    }
    owners = _owners(forward, backward)
    joins: list[tuple[float, int, int]] = []  # gap, the track before it, the one after it
    targets = np.full(len(backward), -1)  # the track that a box belongs to
    for rows in by_identity(backward):
        stretches = list(_stretches(owners[rows], seconds_back[rows], spans))
        for this, after in pairwise(stretches):
            gap = spans[after.identity][0] - spans[this.identity][1]
            if gap > 0 and this.has_end and after.has_start:
                joins.append((gap, this.identity, after.identity))
                targets[rows[this.last + 1 : after.first]] = this.identity
        if stretches and stretches[0].has_start:
            targets[rows[: stretches[0].first]] = stretches[0].identity
        if stretches and stretches[-1].has_end:
            targets[rows[stretches[-1].last + 1 :]] = stretches[-1].identity
    new = (targets >= 0) & (owners < 0)
    longer = Tracklets.of(forward).with_added(replace(backward, ids=targets)[new])
    return longer.joined(chains((before, after) for _, before, after in sorted(joins)))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Boxes in a row that a track backwards shares with one track forwards.

    first, last: positions in the track backwards
    has_start, has_end: whether they are at the start, and at the end, of the track forwards
    """

    identity: int
    first: int
    last: int
    has_start: bool
    has_end: bool


def _stretches(
    owners: Int64Array, seconds: Float64Array, spans: dict[int, tuple[float, float]]
) -> Iterator[_Stretch]:
    """Yield the stretches of one track backwards, in the order of time.

    owners: of its boxes; seconds: of its boxes
    """
    shared = np.flatnonzero(owners >= 0)
    changes = np.flatnonzero(np.diff(owners[shared])) + 1
    for stretch in np.split(shared, changes):
        if len(stretch) >= MIN_SHARED:
            identity, first, last = int(owners[stretch[0]]), int(stretch[0]), int(stretch[-1])
            start, end = spans[identity]
            has_start = bool(seconds[first] <= start + END_SECONDS)
            has_end = bool(seconds[last] >= end - END_SECONDS)
            yield _Stretch(identity, first, last, has_start, has_end)


def _owners(forward: MotRows, backward: MotRows) -> Int64Array:
    """Return, for each box backwards, the track forwards that has it too; -1: none."""
    owners = np.full(len(backward), -1)
    for frame in np.intersect1d(forward.frames, backward.frames).tolist():
        rows, columns = forward.slice_of(frame), backward.slice_of(frame)
        pairs = overlapping(forward.boxes_xyxy[rows], backward.boxes_xyxy[columns])
        same = forward.class_ids[rows][pairs.rows] == backward.class_ids[columns][pairs.columns]
        pairs = pairs[same & (pairs.iou >= MIN_IOU)]
        pairs = pairs[assign(pairs, 1 - pairs.iou, 2.0)]
        owners[columns][pairs.columns] = forward.ids[rows][pairs.rows]
    return owners
