"""HOTA: detection and association weighed alike (Luiten et al. 2021, IJCV, sections 5 and 6)."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array
from trackers.base.assignment import Pairs
from trackers.evaluation.clear import EPSILON
from trackers.evaluation.comparison import Comparison, best

Float64Array = NDArray[np.float64]

ALPHAS = np.arange(0.05, 0.99, 0.05)  # IoU thresholds; the scores are means over them


@dataclass(frozen=True, slots=True)
class Hota:
    """The counts behind HOTA for each of the 19 ALPHAS; the rates are means over them, 0..1.

    matched, misses, false_positives: (19,) numbers of boxes
    association, association_recall, association_precision: (19,) sums over the matched boxes
    overlap: (19,) sum of the IoU of the matched boxes
    """

    matched: Float64Array
    misses: Float64Array
    false_positives: Float64Array
    association: Float64Array
    association_recall: Float64Array
    association_precision: Float64Array
    overlap: Float64Array

    def __add__(self, other: Hota) -> Hota:
        return Hota(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def hota(self) -> float:
        """Mean over the alphas of sqrt(detection x association)."""
        return _mean(np.sqrt(self._detection * self._per_match(self.association)))

    @property
    def deta(self) -> float:
        """Detection accuracy: matched boxes / (matched + misses + false positives)."""
        return _mean(self._detection)

    @property
    def assa(self) -> float:
        """Association accuracy: share of two identities' boxes that are matched to each other."""
        return _mean(self._per_match(self.association))

    @property
    def detre(self) -> float:
        """Detection recall: matched share of the ground truth."""
        return _mean(self.matched / np.maximum(1, self.matched + self.misses))

    @property
    def detpr(self) -> float:
        """Detection precision: matched share of the results."""
        return _mean(self.matched / np.maximum(1, self.matched + self.false_positives))

    @property
    def assre(self) -> float:
        """Association recall."""
        return _mean(self._per_match(self.association_recall))

    @property
    def asspr(self) -> float:
        """Association precision."""
        return _mean(self._per_match(self.association_precision))

    @property
    def loca(self) -> float:
        """Mean IoU of the matched boxes; 1 without any."""
        return _mean(np.maximum(1e-10, self.overlap) / np.maximum(1e-10, self.matched))

    @property
    def _detection(self) -> Float64Array:
        return self.matched / np.maximum(1, self.matched + self.misses + self.false_positives)

    def _per_match(self, total: Float64Array) -> Float64Array:
        return total / np.maximum(1, self.matched)


def hota(comparison: Comparison) -> Hota:
    """Score one sequence."""
    made = _matches(comparison)
    iou = comparison.pairs.iou[made]
    identities = comparison.identities[made]
    is_match = iou >= ALPHAS[:, None] - EPSILON
    matched = is_match.sum(axis=1).astype(float)
    association, recall, precision = np.transpose(
        [_association(comparison, identities[chosen]) for chosen in is_match]
    )
    return Hota(
        matched=matched,
        misses=len(comparison.truth) - matched,
        false_positives=len(comparison.results) - matched,
        association=association,
        association_recall=recall,
        association_precision=precision,
        overlap=(iou * is_match).sum(axis=1),
    )


def _matches(comparison: Comparison) -> Int64Array:
    """Return the positions of matched pairs; identities that often overlap are preferred."""
    pairs = comparison.pairs
    gain = _alignment(comparison)[comparison.identities] * pairs.iou if len(pairs) else pairs.iou
    made = [best(pairs[here], gain[here]) + here.start for here in comparison.frames()]
    return np.concatenate([np.zeros(0, np.int64), *made])


def _alignment(comparison: Comparison) -> Float64Array:
    """Return, by pair of identities, the share of their boxes that may match (section 5.4)."""
    potential = np.bincount(comparison.identities, _shares(comparison.pairs))
    truth, results = comparison.split(np.arange(len(potential)))
    union = comparison.truth.counts[truth] + comparison.results.counts[results] - potential
    return np.asarray(potential / union)


def _shares(pairs: Pairs) -> Float64Array:
    """Return (k,) the IoU of each pair, relative to all overlaps of its two boxes."""
    of_truth = np.bincount(pairs.rows, pairs.iou)[pairs.rows]
    of_result = np.bincount(pairs.columns, pairs.iou)[pairs.columns]
    return np.asarray(pairs.iou / (of_truth + of_result - pairs.iou))


def _association(comparison: Comparison, identities: Int64Array) -> Float64Array:
    """Return (3,) association, its recall and its precision, summed over these matches."""
    pairs, count = np.unique(identities, return_counts=True)
    truth, results = comparison.split(pairs)
    truth_count, result_count = comparison.truth.counts[truth], comparison.results.counts[results]
    shares = (truth_count + result_count - count, truth_count, result_count)
    return np.array([(count * count / share).sum() for share in shares])


def _mean(values: Float64Array) -> float:
    return float(values.mean())
