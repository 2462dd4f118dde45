"""Numbers about labels: frames, boxes, tracks and classes of each clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from detector.labels.labelled import LabelledClip, LabelledSet, Mark


def counts(labels: LabelledSet) -> dict[str, Any]:
    """Return numbers as plain data: of each clip by its name, and of all together."""
    clips = {clip.name: _of_clip(clip, labels) for clip in labels.clips}
    return {"clips": clips, "all": _added(clips, labels)}


def _of_clip(clip: LabelledClip, labels: LabelledSet) -> dict[str, Any]:
    boxes = clip.boxes
    per_class = np.bincount(boxes.class_ids, minlength=len(labels.classes)).tolist()
    marks = {
        mark.name.lower(): int((boxes.marks == mark).sum())
        for mark in Mark
        if mark is not Mark.NONE
    }
    sides = boxes.boxes_xyxy[:, 2:] - boxes.boxes_xyxy[:, :2]
    areas = np.sqrt(sides.prod(axis=1))
    return {
        "split": clip.split,
        "frames": len(clip.frames),
        "frames_with_objects": len(np.unique(boxes.frames)),
        "boxes": len(boxes),
        "tracks": len(boxes.track_ids),
        "ignored": int(boxes.ignored.sum()),
        "classes": dict(zip(labels.classes, per_class, strict=True)),
        "marks": marks,
        "median_side": round(float(np.median(areas)), 1) if len(areas) else None,
    }


def _added(clips: Mapping[str, Mapping[str, Any]], labels: LabelledSet) -> dict[str, Any]:
    keys = ("frames", "frames_with_objects", "boxes", "tracks", "ignored")
    return {
        **{key: sum(clip[key] for clip in clips.values()) for key in keys},
        "classes": {
            name: sum(clip["classes"][name] for clip in clips.values()) for name in labels.classes
        },
    }
