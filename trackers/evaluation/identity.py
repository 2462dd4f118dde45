"""Identity: boxes with the right identity over a sequence (Ristani et al. 2016, section 3)."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from trackers.base.assignment import Pairs
from trackers.evaluation.clear import MATCH_IOU
from trackers.evaluation.comparison import Comparison, best


@dataclass(frozen=True, slots=True)
class Identity:
    """The counts behind IDF1: each object has at most one identity for the whole sequence.

    idtp: boxes of an object with its identity; idfn: other boxes of the ground truth;
    idfp: other boxes of the results
    """

    idtp: int
    idfn: int
    idfp: int

    def __add__(self, other: Identity) -> Identity:
        return Identity(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def idf1(self) -> float:
        """Identity F1: the harmonic mean of `idr` and `idp`."""
        return self.idtp / max(1, self.idtp + (self.idfn + self.idfp) / 2)

    @property
    def idr(self) -> float:
        """Identity recall: share of the ground truth with the right identity."""
        return self.idtp / max(1, self.idtp + self.idfn)

    @property
    def idp(self) -> float:
        """Identity precision: share of the results with the right identity."""
        return self.idtp / max(1, self.idtp + self.idfp)


def identity(comparison: Comparison) -> Identity:
    """Score one sequence: objects and identities are assigned one to one, for the largest IDTP."""
    matched = comparison.pairs.iou >= MATCH_IOU
    partners, boxes = np.unique(comparison.identities[matched], return_counts=True)
    idtp = 0
    if len(partners):
        pairs = Pairs(*comparison.split(partners), boxes.astype(float))
        idtp = int(boxes[best(pairs, pairs.iou)].sum())
    return Identity(idtp, len(comparison.truth) - idtp, len(comparison.results) - idtp)
