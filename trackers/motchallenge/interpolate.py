"""Finishing of tracks once all of them are known: gaps are filled, jitter is smoothed.

For annotators and reports. It looks ahead, so it is no part of a tracker, and its boxes are marked.
"""

from __future__ import annotations

import numpy as np

from detector.detections import Int64Array
from trackers.base.kalman import Float64Array
from trackers.base.table_tracker import CLOCK_ERROR
from trackers.motchallenge.text import MotResult, MotRows, Origin

GAP_SECONDS = 0.7  # a longer one is left: nobody knows what went on
SMOOTHING_SECONDS = 0.2  # standard deviation of the time over which boxes are smoothed
REACH = 4  # standard deviations, beyond which nothing weighs anything


def refined(result: MotResult, frames: Int64Array, frame_rate: float) -> MotResult:
    """Return the tracks with gaps of at most 0.7 s filled in, on a straight line, and all smoothed.

    Boxes that were predicted are left out. frames: those that were looked at, from 1, increasing:
    no others are filled in.
    """
    seen = result.rows[result.origins != Origin.PREDICTED]
    tracks = [
        _finished(seen[seen.ids == identity], frames, frame_rate)
        for identity in np.unique(seen.ids).tolist()
    ]
    if not tracks:
        return MotResult(seen, np.zeros(0, np.int64))
    columns = (np.concatenate(column) for column in zip(*tracks, strict=True))
    all_frames, ids, boxes, scores, class_ids, origins = columns
    order = np.lexsort((ids, all_frames))
    rows = MotRows(all_frames, ids, boxes, scores, class_ids)
    return MotResult(rows[order], origins[order])


def _finished(
    track: MotRows, frames: Int64Array, frame_rate: float
) -> tuple[Int64Array, Int64Array, Float64Array, Float64Array, Int64Array, Int64Array]:
    """Return the columns of one track, filled in and smoothed."""
    span = frames[(frames >= track.frames[0]) & (frames <= track.frames[-1])]
    after = np.searchsorted(track.frames, span)
    before = np.searchsorted(track.frames, span, side="right") - 1
    gap_seconds = (track.frames[after] - track.frames[before]) / frame_rate
    kept = gap_seconds <= GAP_SECONDS + CLOCK_ERROR
    span, before, filled = span[kept], before[kept], (after != before)[kept]
    boxes = np.stack([np.interp(span, track.frames, edge) for edge in track.boxes_xyxy.T], axis=1)
    return (
        span,
        track.ids[before],
        _smoothed(boxes, span / frame_rate),
        np.interp(span, track.frames, track.scores),
        track.class_ids[before],
        np.where(filled, Origin.FILLED, Origin.SMOOTHED),
    )


def _smoothed(boxes_xyxy: Float64Array, seconds: Float64Array) -> Float64Array:
    """Return (n, 4) boxes on lines fitted to those around them, the near ones most (LOESS)."""
    smooth = np.empty_like(boxes_xyxy)
    begin = np.searchsorted(seconds, seconds - REACH * SMOOTHING_SECONDS)
    end = np.searchsorted(seconds, seconds + REACH * SMOOTHING_SECONDS, side="right")
    for k, around in enumerate(map(slice, begin, end)):
        smooth[k] = _fitted(boxes_xyxy[around], seconds[around] - seconds[k])
    return smooth


def _fitted(boxes_xyxy: Float64Array, away: Float64Array) -> Float64Array:
    """Return the box at time 0 of the line through boxes that are `away` seconds from there."""
    weights = np.exp(-np.square(away / SMOOTHING_SECONDS) / 2)
    weights /= weights.sum()
    centre = weights @ away
    spread = weights @ np.square(away - centre)
    mean = weights @ boxes_xyxy
    if spread <= 0:  # a single box
        return np.asarray(mean)
    slope = (weights * (away - centre)) @ boxes_xyxy / spread
    return np.asarray(mean - slope * centre)
