"""Finished tracks: short gaps are interpolated, jitter is smoothed."""

from __future__ import annotations

import numpy as np

from detector.detections import Int64Array
from trackers.base.kalman import Float64Array
from trackers.base.table_tracker import CLOCK_ERROR
from trackers.motchallenge.text import MotResult, MotRows, Origin
from trackers.refinement.tracklets import Tracklets, by_identity

MAX_GAP_SECONDS = 0.7  # in longer gaps a straight line is too uncertain
SMOOTHING_SECONDS = 0.2  # standard deviation of the Gaussian weights
CUTOFF = 4  # standard deviations beyond which weights are taken as 0


def smoothed(tracklets: Tracklets, frames: Int64Array, seconds: Float64Array) -> MotResult:
    """Return the tracks smoothed, with their gaps interpolated linearly.

    Of the gaps within a track, those of at most 0.7 s are; of those between tracks that were
    joined, all. Predicted boxes are left out.
    frames, seconds: (n,) the frames that were tracked, increasing, and when they were taken; only
        in these are boxes interpolated
    """
    result = tracklets.result
    tracks = [
        _smoothed_track(result, tracklets.parts, track, frames, seconds)
        for track in by_identity(result.rows)
    ]
    if not tracks:
        return result
    columns = (np.concatenate(column) for column in zip(*tracks, strict=True))
    all_frames, ids, boxes, scores, class_ids, origins = columns
    order = np.lexsort((ids, all_frames))
    rows = MotRows(all_frames, ids, boxes, scores, class_ids)
    return MotResult(rows[order], origins[order])


def _smoothed_track(
    result: MotResult,
    parts: Int64Array,
    track: Int64Array,
    frames: Int64Array,
    seconds: Float64Array,
) -> tuple[Int64Array, Int64Array, Float64Array, Float64Array, Int64Array, Int64Array]:
    """Return the columns of one track, interpolated and smoothed; `track`: the rows of it."""
    rows, origins, parts = result.rows[track], result.origins[track], parts[track]
    span = slice(*np.searchsorted(frames, (rows.frames[0], rows.frames[-1] + 1)).tolist())
    frames, seconds = frames[span], seconds[span]
    after = np.searchsorted(rows.frames, frames)
    before = np.searchsorted(rows.frames, frames, side="right") - 1
    times = np.interp(rows.frames, frames, seconds)
    joined = parts[after] != parts[before]
    kept = joined | (times[after] - times[before] <= MAX_GAP_SECONDS + CLOCK_ERROR)
    frames, seconds, before, after, joined = (
        column[kept] for column in (frames, seconds, before, after, joined)
    )
    boxes = np.stack([np.interp(seconds, times, edge) for edge in rows.boxes_xyxy.T], axis=1)
    seen = np.where(origins[before] == Origin.LINKED, Origin.LINKED, Origin.SMOOTHED)
    filled = np.where(joined, Origin.LINKED, Origin.INTERPOLATED)
    return (
        frames,
        rows.ids[before],
        _smooth(boxes, seconds),
        np.interp(seconds, times, rows.scores),
        rows.class_ids[before],
        np.where(before == after, seen, filled),
    )


def _smooth(boxes_xyxy: Float64Array, seconds: Float64Array) -> Float64Array:
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
