"""Ground truth and results of one sequence: which boxes overlap, and how much."""

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
    """The boxes of the ground truth or of the results, in the order of frames.

    frames: (n,) int64
    ids: (n,) int64, from 0 without gaps
    """

    frames: Int64Array
    ids: Int64Array

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def counts(self) -> Int64Array:
        """(m,) number of boxes of each identity."""
        return np.bincount(self.ids)

    @classmethod
    def of(cls, rows: MotRows) -> Side:
        """Return the frames and the renumbered identities of these rows."""
        _, ids = np.unique(rows.ids, return_inverse=True)
        return cls(rows.frames, ids)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The boxes of one sequence and the overlaps between them; the input of all scores.

    pairs: ground-truth boxes (rows) and result boxes (columns) that overlap, in order of frames
    """

    truth: Side
    results: Side
    pairs: Pairs

    def __repr__(self) -> str:
        return f"Comparison(truth={len(self.truth)}, results={len(self.results)})"

    @property
    def identities(self) -> Int64Array:
        """(k,) int64, the two identities of each pair as one number, see `split`."""
        truth, results = self.truth.ids[self.pairs.rows], self.results.ids[self.pairs.columns]
        return truth * len(self.results.counts) + results

    def frames(self) -> Iterator[slice]:
        """Yield the positions of the pairs of each frame in which both sides have boxes."""
        frames = np.intersect1d(self.truth.frames, self.results.frames)
        pair_frames = self.truth.frames[self.pairs.rows]
        firsts, ends = (np.searchsorted(pair_frames, frames, side).tolist() for side in SIDES)
        yield from map(slice, firsts, ends)

    def split(self, identities: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return the ground-truth and the result identities of these numbers."""
        return np.divmod(identities, len(self.results.counts))


def compare(truth: MotRows, results: MotRows) -> Comparison:
    """Return both sides of a sequence with all overlaps; nothing is matched yet."""
    return Comparison(Side.of(truth), Side.of(results), pairs_by_frame(truth, results))


def pairs_by_frame(truth: MotRows, results: MotRows) -> Pairs:
    """Return all pairs of boxes that overlap in a frame, as rows of both sides, by frame."""
    found = [Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for frame in np.intersect1d(truth.frames, results.frames).tolist():
        here, there = truth.slice_of(frame), results.slice_of(frame)
        pairs = overlapping(truth.boxes_xyxy[here], results.boxes_xyxy[there])
        pairs = pairs[pairs.iou > 0]  # a box without area may lie within another: its IoU is 0
        found.append(Pairs(pairs.rows + here.start, pairs.columns + there.start, pairs.iou))
    return Pairs(
        np.concatenate([pairs.rows for pairs in found]),
        np.concatenate([pairs.columns for pairs in found]),
        np.concatenate([pairs.iou for pairs in found]),
    )


def best(pairs: Pairs, gain: FloatArray) -> Int64Array:
    """Return the positions of the pairs of one frame with the largest total gain.

    gain: (k,), one for each pair; a pair without gain is not matched
    """
    if not len(pairs):
        return np.zeros(0, np.int64)
    near = Pairs(pairs.rows - pairs.rows.min(), pairs.columns - pairs.columns.min(), pairs.iou)
    return assign(near, -gain, limit=0.0)
