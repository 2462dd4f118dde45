"""CLEAR: misses, false positives, switches (Bernardin and Stiefelhagen 2008, section 2)."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from detector.detections import Int64Array
from trackers.evaluation.comparison import Comparison, best

MATCH_IOU = 0.5  # minimum overlap of a result and the ground-truth box it matches
EPSILON = np.finfo(float).eps  # rounding of an overlap that equals MATCH_IOU
CONTINUATION_GAIN = 1000  # for a pair matched in the previous frame: above any sum of overlaps
UNMATCHED = -1


@dataclass(frozen=True, slots=True)
class Clear:
    """The counts behind MOTA.

    matched, misses, false_positives: numbers of boxes
    switches: how often an object was matched to another identity than before
    fragments: how often an object was lost and found again
    overlap: sum of the IoU of the matched boxes
    mostly_tracked, partly_tracked, mostly_lost: numbers of objects that are matched in more than
        0.8 of their frames, in 0.2 to 0.8, and in less than 0.2
    """

    matched: int
    misses: int
    false_positives: int
    switches: int
    fragments: int
    overlap: float
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int

    def __add__(self, other: Clear) -> Clear:
        return Clear(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def objects(self) -> int:
        """Number of ground-truth boxes."""
        return self.matched + self.misses

    @property
    def mota(self) -> float:
        """1 - (misses + false positives + switches) / objects."""
        right = self.matched - self.false_positives - self.switches
        return right / max(1, self.objects)

    @property
    def motp(self) -> float:
        """Mean overlap of the matched boxes."""
        return self.overlap / max(1, self.matched)


def clear(comparison: Comparison) -> Clear:
    """Score one sequence: pairs of the previous frame stay matched, the others match by overlap."""
    objects, pairs = comparison.truth.counts, comparison.pairs
    history = _History.of(len(objects))
    for here in comparison.frames():
        history.match(comparison, here)
    matched = np.concatenate([np.zeros(0, np.int64), *history.matched])
    share = np.bincount(comparison.truth.ids[pairs.rows[matched]], minlength=len(objects)) / objects
    mostly_tracked, mostly_lost = int((share > 0.8).sum()), int((share < 0.2).sum())
    return Clear(
        matched=len(matched),
        misses=len(comparison.truth) - len(matched),
        false_positives=len(comparison.results) - len(matched),
        switches=history.switches,
        fragments=int(np.maximum(history.found - 1, 0).sum()),
        overlap=float(pairs.iou[matched].sum()),
        mostly_tracked=mostly_tracked,
        partly_tracked=len(share) - mostly_tracked - mostly_lost,
        mostly_lost=mostly_lost,
    )


@dataclass(slots=True)
class _History:
    """The matches of each object, frame by frame.

    previous: the identity that each object was matched to in the previous frame, or UNMATCHED
    last: the identity of each object's last match, or UNMATCHED
    found: how often each object was matched after a frame without a match, its first match included
    matched: positions of the matched pairs, an array for each frame
    """

    previous: Int64Array
    last: Int64Array
    found: Int64Array
    matched: list[Int64Array]
    switches: int = 0

    @classmethod
    def of(cls, objects: int) -> _History:
        """Return the history before the first frame."""
        unmatched = np.full(objects, UNMATCHED)
        return cls(unmatched, unmatched.copy(), np.zeros(objects, np.int64), [])

    def match(self, comparison: Comparison, here: slice) -> None:
        """Match the pairs of one frame; here: their positions among all pairs."""
        pairs = comparison.pairs[here]
        objects = comparison.truth.ids[pairs.rows]
        results = comparison.results.ids[pairs.columns]
        gain = CONTINUATION_GAIN * (self.previous[objects] == results) + pairs.iou
        gain[pairs.iou < MATCH_IOU - EPSILON] = 0
        matched = best(pairs, gain)
        objects, results = objects[matched], results[matched]
        known = self.last[objects]
        self.switches += int(((known != UNMATCHED) & (known != results)).sum())
        self.found[objects] += self.previous[objects] == UNMATCHED
        self.previous[:] = UNMATCHED
        self.previous[objects] = self.last[objects] = results
        self.matched.append(matched + here.start)
