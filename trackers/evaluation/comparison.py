"""Truth and results of one sequence side by side: which boxes overlap, and how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from detector.detections import Int64Array
from trackers.base.assignment import FloatArray, Pairs, assign, overlapping
from trackers.motchallenge.text import MotRows

SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


@dataclass(frozen=True, slots=True)
class Side:
    """The boxes of the truth or of the results, in the order of frames.

    frames: (n,) int64
    ids: (n,) int64, from 0, no number left out
    """

    frames: Int64Array
    ids: Int64Array

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def counts(self) -> Int64Array:
        """How many boxes each identity has, by its number."""
        return np.bincount(self.ids)

    @classmethod
    def of(cls, rows: MotRows) -> Side:
        """Return frames and renumbered identities of these rows."""
        _, ids = np.unique(rows.ids, return_inverse=True)
        return cls(rows.frames, ids)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One sequence, ready to be scored.

    pairs: boxes of truth (rows) and results (columns) that overlap in a frame, in order of frames
    """

    truth: Side
    results: Side
    pairs: Pairs

    def __repr__(self) -> str:
        return f"Comparison(truth={len(self.truth)}, results={len(self.results)})"

    @property
    def identities(self) -> Int64Array:
        """(k,) int64, one number for the two identities of each pair, see `split`."""
        truth, results = self.truth.ids[self.pairs.rows], self.results.ids[self.pairs.columns]
        return truth * len(self.results.counts) + results

    def frames(self) -> Iterator[slice]:
        """Yield where the pairs of each frame are in which both sides have boxes; maybe none."""
        frames = np.intersect1d(self.truth.frames, self.results.frames)
        of_pairs = self.truth.frames[self.pairs.rows]
        begins, ends = (np.searchsorted(of_pairs, frames, side).tolist() for side in SIDES)
        yield from map(slice, begins, ends)

    def split(self, identities: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return the identities of truth and of results that such numbers stand for."""
        return np.divmod(identities, len(self.results.counts))


def compare(truth: MotRows, results: MotRows) -> Comparison:
    """Return both sides of a sequence, each overlap known, nothing matched yet."""
    return Comparison(Side.of(truth), Side.of(results), pairs_by_frame(truth, results))


def pairs_by_frame(truth: MotRows, results: MotRows) -> Pairs:
    """Return all pairs of boxes that share an area in a frame, as rows of both, by frame."""
    found = [Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for frame in np.intersect1d(truth.frames, results.frames).tolist():
        here, there = truth.place(frame), results.place(frame)
        pairs = overlapping(truth.boxes_xyxy[here], results.boxes_xyxy[there])
        pairs = pairs[pairs.iou > 0]  # one without area lies within others, and shares none
        found.append(Pairs(pairs.rows + here.start, pairs.columns + there.start, pairs.iou))
    return Pairs(
        np.concatenate([pairs.rows for pairs in found]),
        np.concatenate([pairs.columns for pairs in found]),
        np.concatenate([pairs.iou for pairs in found]),
    )


def best(pairs: Pairs, gain: FloatArray) -> Int64Array:
    """Return the positions of the pairs of one frame that together gain most.

    gain: (k,), of each pair; a pair that gains nothing is not made
    """
    if not len(pairs):
        return np.zeros(0, np.int64)
    near = Pairs(pairs.rows - pairs.rows.min(), pairs.columns - pairs.columns.min(), pairs.iou)
    return assign(near, -gain, limit=0.0)
