"""Offline refinement of finished tracks: gaps are interpolated, jitter is smoothed.

For annotation and reports. It uses later frames, so it is not part of a tracker, and its boxes are
marked in the output.
"""

from __future__ import annotations

import numpy as np

from detector.detections import Int64Array
from trackers.base.kalman import Float64Array
from trackers.base.table_tracker import CLOCK_ERROR
from trackers.motchallenge.text import MotResult, MotRows, Origin

MAX_GAP_SECONDS = 0.7  # in longer gaps a straight line is too uncertain
SMOOTHING_SECONDS = 0.2  # standard deviation of the Gaussian weights
CUTOFF = 4  # standard deviations beyond which weights are taken as 0


def refined(result: MotResult, frames: Int64Array, frame_rate: float) -> MotResult:
    """Return the tracks smoothed, with gaps of at most 0.7 s interpolated linearly.

    Predicted boxes are left out.
    frames: the frames that were tracked, from 1, increasing; only in these are boxes interpolated
    """
    seen = result.rows[result.origins != Origin.PREDICTED]
    tracks = [
        _refined_track(seen[seen.ids == identity], frames, frame_rate)
        for identity in np.unique(seen.ids).tolist()
    ]
    if not tracks:
        return MotResult(seen, np.zeros(0, np.int64))
    columns = (np.concatenate(column) for column in zip(*tracks, strict=True))
    all_frames, ids, boxes, scores, class_ids, origins = columns
    order = np.lexsort((ids, all_frames))
    rows = MotRows(all_frames, ids, boxes, scores, class_ids)
    return MotResult(rows[order], origins[order])


def _refined_track(
    track: MotRows, frames: Int64Array, frame_rate: float
) -> tuple[Int64Array, Int64Array, Float64Array, Float64Array, Int64Array, Int64Array]:
    """Return the columns of one track, interpolated and smoothed."""
    span = frames[(frames >= track.frames[0]) & (frames <= track.frames[-1])]
    after = np.searchsorted(track.frames, span)
    before = np.searchsorted(track.frames, span, side="right") - 1
    gap_seconds = (track.frames[after] - track.frames[before]) / frame_rate
    kept = gap_seconds <= MAX_GAP_SECONDS + CLOCK_ERROR
    span, before, interpolated = span[kept], before[kept], (after != before)[kept]
    boxes = np.stack([np.interp(span, track.frames, edge) for edge in track.boxes_xyxy.T], axis=1)
    return (
        span,
        track.ids[before],
        _smoothed(boxes, span / frame_rate),
        np.interp(span, track.frames, track.scores),
        track.class_ids[before],
        np.where(interpolated, Origin.INTERPOLATED, Origin.SMOOTHED),
    )


def _smoothed(boxes_xyxy: Float64Array, seconds: Float64Array) -> Float64Array:
    """Return (n, 4) boxes by local linear regression with Gaussian weights (LOESS)."""
    smooth = np.empty_like(boxes_xyxy)
    first = np.searchsorted(seconds, seconds - CUTOFF * SMOOTHING_SECONDS)
    end = np.searchsorted(seconds, seconds + CUTOFF * SMOOTHING_SECONDS, side="right")
    for k, window in enumerate(map(slice, first, end)):
        smooth[k] = _fitted(boxes_xyxy[window], seconds[window] - seconds[k])
    return smooth


def _fitted(boxes_xyxy: Float64Array, offsets: Float64Array) -> Float64Array:
    """Return the box at time 0 of the line fitted to boxes at `offsets` seconds from it."""
    weights = np.exp(-np.square(offsets / SMOOTHING_SECONDS) / 2)
    weights /= weights.sum()
    centre = weights @ offsets
    spread = weights @ np.square(offsets - centre)
    mean = weights @ boxes_xyxy
    if spread <= 0:  # a single box
        return np.asarray(mean)
    slope = (weights * (offsets - centre)) @ boxes_xyxy / spread
    return np.asarray(mean - slope * centre)
