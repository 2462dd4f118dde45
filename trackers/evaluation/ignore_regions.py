"""Unlabelled regions: results in them are neither right nor wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.detections import Int64Array
from detector.errors import UsageError
from trackers.base.assignment import assign, overlapping
from trackers.evaluation.clear import MATCH_IOU
from trackers.motchallenge.text import MotRows, read_numbers

BoolArray = NDArray[np.bool_]
Float64Array = NDArray[np.float64]

MIN_INSIDE = 0.5  # share of its area from which a box lies in a region


@dataclass(frozen=True, slots=True)
class IgnoreRegions:
    """Where and when boxes that match no labelled object are ignored.

    first, last: (n,) float64, the first and the last frame of each region, both included
    boxes_xyxy: (n, 4) float64, source pixels
    """

    first: Float64Array
    last: Float64Array
    boxes_xyxy: Float64Array

    def at(self, frame: int) -> Float64Array:
        """Return the (k, 4) boxes of the regions in one frame."""
        return self.boxes_xyxy[(self.first <= frame) & (frame <= self.last)]


def read_ignore(path: Path) -> IgnoreRegions:
    """Return the regions of a text file with lines `first_frame,last_frame,x,y,w,h`.

    Raises UsageError, with file and line, for a line that is not accepted.
    """
    line_numbers, values = read_numbers(path, columns=6)
    first, last, corners, sizes = values[:, 0], values[:, 1], values[:, 2:4], values[:, 4:]
    wrong = (first > last) | (sizes <= 0).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        given = ",".join(f"{value:.15g}" for value in values[row])
        raise UsageError(
            f"{path}:{line_numbers[row]}: {given} given: first_frame,last_frame,x,y,w,h is "
            "expected, with first_frame <= last_frame, and w and h above 0"
        )
    return IgnoreRegions(first, last, np.concatenate((corners, corners + sizes), axis=1))


def without_ignored(truth: MotRows, results: MotRows, regions: IgnoreRegions) -> MotRows:
    """Return the results without those that match no labelled object and lie in a region."""
    counts = np.ones(len(results), bool)
    for frame in np.unique(results.frames).tolist():
        rows = results.frames == frame
        counts[rows] = _counts(truth.at(frame), results.at(frame), regions.at(frame))
    return results[counts]


def _counts(truth: MotRows, results: MotRows, regions_xyxy: Float64Array) -> BoolArray:
    """Return (n,) which results of one frame count: matched to an object, or in no region."""
    counts = ~_inside(results.boxes_xyxy, regions_xyxy)
    counts[_matched(truth, results)] = True
    return counts


def _matched(truth: MotRows, results: MotRows) -> Int64Array:
    """Return the positions of results of one frame that the best assignment matches."""
    pairs = overlapping(truth.boxes_xyxy, results.boxes_xyxy)
    same_class = truth.class_ids[pairs.rows] == results.class_ids[pairs.columns]
    pairs = pairs[same_class & (pairs.iou >= MATCH_IOU)]
    return pairs.columns[assign(pairs, 1 - pairs.iou, limit=1.0)]


def _inside(boxes_xyxy: Float64Array, regions_xyxy: Float64Array) -> BoolArray:
    """Return (n,) which boxes have at least half of their area in one region."""
    corner = np.maximum(boxes_xyxy[:, None, :2], regions_xyxy[:, :2])
    opposite = np.minimum(boxes_xyxy[:, None, 2:], regions_xyxy[:, 2:])
    shared = np.clip(opposite - corner, 0, None).prod(axis=2)
    area = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    inside: BoolArray = (shared / area[:, None]).max(axis=1, initial=0) >= MIN_INSIDE
    return inside
