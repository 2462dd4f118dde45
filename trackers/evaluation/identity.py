"""Identity: boxes under the right name, all through a sequence (Ristani et al. 2016, section 3)."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from trackers.base.assignment import Pairs
from trackers.evaluation.clear import MATCH_IOU
from trackers.evaluation.comparison import Comparison, best


@dataclass(frozen=True, slots=True)
class Identity:
    """Boxes whose object and identity are partners for good, and those of either side that are not.

    right: boxes; missed, false: boxes of the truth and of the results that are not right
    """

    right: int
    missed: int
    false: int

    def __add__(self, other: Identity) -> Identity:
        return Identity(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def idf1(self) -> float:
        """Share of both sides' boxes that are right."""
        return self.right / max(1, self.right + (self.missed + self.false) / 2)

    @property
    def idr(self) -> float:
        """Share of the truth that is right."""
        return self.right / max(1, self.right + self.missed)

    @property
    def idp(self) -> float:
        """Share of the results that is right."""
        return self.right / max(1, self.right + self.false)


def identity(comparison: Comparison) -> Identity:
    """Score one sequence: each object gets one identity at most, so that most boxes are right."""
    matched = comparison.pairs.iou >= MATCH_IOU
    partners, boxes = np.unique(comparison.identities[matched], return_counts=True)
    right = 0
    if len(partners):
        pairs = Pairs(*comparison.split(partners), boxes.astype(float))
        right = int(boxes[best(pairs, pairs.iou)].sum())
    return Identity(right, len(comparison.truth) - right, len(comparison.results) - right)
