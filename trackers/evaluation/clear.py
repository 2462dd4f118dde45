"""CLEAR: misses, false boxes, switched identities (Bernardin and Stiefelhagen 2008, section 2)."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from detector.detections import Int64Array
from trackers.evaluation.comparison import Comparison, best

MATCH_IOU = 0.5  # from here on a box may be that of a labelled object
EPSILON = np.finfo(float).eps
KEPT = 1000  # what a pair of the frame before gains: more than all overlaps of a frame
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Clear:
    """What MOTA is made of.

    matched, misses, false_positives: boxes; switches: times that an object changed its identity;
    fragments: times that an object was lost and found again; overlap: sum over the matched boxes
    mostly_tracked, partly_tracked, mostly_lost: objects that are matched for over 0.8 of their
        time, for less but at least 0.2, for less
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
        """Boxes of the truth."""
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
    """Score one sequence: who was matched in the frame before stays so, the rest by overlap."""
    objects, pairs = comparison.truth.counts, comparison.pairs
    history = _History.of(len(objects))
    for here in comparison.frames():
        history.match(comparison, here)
    made = np.concatenate([np.zeros(0, np.int64), *history.made])
    share = np.bincount(comparison.truth.ids[pairs.rows[made]], minlength=len(objects)) / objects
    mostly, hardly = int((share > 0.8).sum()), int((share < 0.2).sum())
    return Clear(
        matched=len(made),
        misses=len(comparison.truth) - len(made),
        false_positives=len(comparison.results) - len(made),
        switches=history.switches,
        fragments=int(np.maximum(history.found - 1, 0).sum()),
        overlap=float(pairs.iou[made].sum()),
        mostly_tracked=mostly,
        partly_tracked=len(share) - mostly - hardly,
        mostly_lost=hardly,
    )


@dataclass(slots=True)
class _History:
    """Who was matched to whom, frame by frame.

    before, ever: by object, the identity of the frame before and the last there was, or NOBODY
    found: by object, how often it was matched without having been so in the frame before
    made: the matched pairs
    """

    before: Int64Array
    ever: Int64Array
    found: Int64Array
    made: list[Int64Array]
    switches: int = 0

    @classmethod
    def of(cls, objects: int) -> _History:
        """Return the history before the first frame."""
        nobody = np.full(objects, NOBODY)
        return cls(nobody, nobody.copy(), np.zeros(objects, np.int64), [])

    def match(self, comparison: Comparison, here: slice) -> None:
        """Match one frame, whose pairs are `here`."""
        pairs = comparison.pairs[here]
        objects = comparison.truth.ids[pairs.rows]
        results = comparison.results.ids[pairs.columns]
        gain = KEPT * (self.before[objects] == results) + pairs.iou
        gain[pairs.iou < MATCH_IOU - EPSILON] = 0
        made = best(pairs, gain)
        objects, results = objects[made], results[made]
        known = self.ever[objects]
        self.switches += int(((known != NOBODY) & (known != results)).sum())
        self.found[objects] += self.before[objects] == NOBODY
        self.before[:] = NOBODY
        self.before[objects] = self.ever[objects] = results
        self.made.append(made + here.start)
