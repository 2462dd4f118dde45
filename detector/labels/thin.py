"""Fewer frames of a clip: every k-th, or only those with objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detector.labels.labelled import BoolArray, LabelledClip, LabelledSet


def thinned(labels: LabelledSet, *, every: int = 1, only_objects: bool = False) -> LabelledSet:
    """Return the labels of each `every`-th frame, if asked for only of those with objects."""
    if every == 1 and not only_objects:
        return labels
    clips = []
    for clip in labels.clips:
        kept = clip.frames % every == 0
        if only_objects:
            kept &= np.isin(clip.frames, clip.boxes.frames)
        clips.append(among(clip, kept))
    return replace(labels, clips=tuple(clips))


def among(clip: LabelledClip, kept: BoolArray) -> LabelledClip:
    """Return a clip with some of its labelled frames, and the boxes in them.

    kept: (m,) bool
    """
    frames = clip.frames[kept]
    positions = np.flatnonzero(kept).tolist()
    return replace(
        clip,
        boxes=clip.boxes[np.isin(clip.boxes.frames, frames)],
        frames=frames,
        files=tuple(clip.files[k] for k in positions) if clip.files else (),
        seconds=None if clip.seconds is None else clip.seconds[kept],
        sizes={frame: clip.sizes[frame] for frame in frames.tolist() if frame in clip.sizes},
    )
