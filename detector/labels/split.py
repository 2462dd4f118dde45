"""Splits by clip: frames of one clip are almost the same, and must not be in two splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

from detector.errors import UsageError
from detector.labels.labelled import LabelledClip, LabelledSet


def split_by_clip(labels: LabelledSet, parts: Mapping[str, float], seed: int = 0) -> LabelledSet:
    """Return labels whose clips have a split: one of `parts`, or `train`.

    Each part gets clips until adding one more would bring it further from its share of the
    labelled frames, and at least one clip. The same names and seed give the same splits.

    parts: name -> part of the frames, from 0, together below 1
    Raises UsageError if there are fewer clips than splits.
    """
    wanted = {name: share for name, share in parts.items() if share > 0}
    if sum(wanted.values()) >= 1:
        raise UsageError("the parts of the splits must leave frames for training: give less than 1")
    if len(labels.clips) < len(wanted) + 1:
        raise UsageError(
            f"{len(labels.clips)} clips cannot be split into {len(wanted) + 1} parts: frames of "
            "one clip are almost the same, so that a clip stays whole: add clips (labels merge)"
        )
    frames = sum(len(clip.frames) for clip in labels.clips)
    free = sorted(labels.clips, key=lambda clip: sha256(f"{seed} {clip.name}".encode()).digest())
    splits: dict[str, str] = {}
    for name, share in sorted(wanted.items(), key=lambda item: item[1]):
        keep = len(wanted) - len(set(splits.values()))  # for the other parts and for training
        for clip in _taken(free, share * frames, len(free) - keep):
            splits[clip.name] = name
            free.remove(clip)
    clips = (replace(clip, split=splits.get(clip.name, "train")) for clip in labels.clips)
    return replace(labels, clips=tuple(clips))


def _taken(clips: list[LabelledClip], target: float, most: int) -> list[LabelledClip]:
    """Return up to `most` of the clips, at least one, with about `target` frames together."""
    taken: list[LabelledClip] = []
    total = 0
    for clip in clips:
        more = total + len(clip.frames)
        if len(taken) < most and abs(more - target) < abs(total - target):
            taken.append(clip)
            total = more
    return taken or [min(clips, key=lambda clip: len(clip.frames))]
