"""The most useful frames of labels and a recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from detector.errors import UsageError
from detector.labels.formats import (
    ENDINGS,
    Format,
    Kind,
    ending_of,
    write_labels,
)
from detector.labels.labelled import LabelledClip, LabelledSet
from pipeline.selection.choose import chosen
from pipeline.selection.frames import jpegs, seen
from pipeline.selection.interest import interest


def selected(labels: LabelledSet, video: str, count: int) -> LabelledSet:
    """Return the labels of the `count` most useful frames of a recording.

    labels: of that recording alone. Raises UsageError, SourceError.
    """
    if len(labels.clips) != 1:
        raise UsageError(
            f"labels of {len(labels.clips)} recordings given: give those of {video} alone"
        )
    (clip,) = labels.clips
    found = seen(video, clip.frames)
    known = _among(clip, np.isin(clip.frames, found.frames))
    best = chosen(interest(known), found.planes, found.seconds, count)
    mask = np.zeros(len(known.frames), bool)
    mask[best] = True
    return replace(labels, clips=(_among(known, mask),))


def written(labels: LabelledSet, video: str, output: Path) -> LabelledSet:
    """Write labels of some frames, in a folder or zip with their images; return what was written.

    For CVAT they are pictures: its videos cannot say which frames nobody has looked at, so that
    these would come back as frames without objects. Raises UsageError, SourceError.
    """
    frames = labels.clips[0].frames
    written_format, kind = ENDINGS.get(ending_of(str(output)) or "", (None, Kind.FILE))
    if written_format is Format.CVAT:
        labels = replace(labels, clips=(_as_pictures(labels.clips[0]),))
    images = jpegs(video, frames)
    beside = None if kind is Kind.FILE else lambda _clip, _position: (next(images), ".jpg")
    write_labels(labels, output, beside)
    return labels


def _as_pictures(clip: LabelledClip) -> LabelledClip:
    """Return the labelled frames of a clip as a folder of pictures, in order."""
    count = len(clip.frames)
    sizes = {k: clip.sizes[frame] for k, frame in enumerate(clip.frames) if frame in clip.sizes}
    return replace(
        clip,
        frames=np.arange(count),
        boxes=replace(clip.boxes, frames=np.searchsorted(clip.frames, clip.boxes.frames)),
        files=tuple(clip.file_of(position) for position in range(count)),
        frame_count=count,
        is_video=False,
        seconds=None,
        sizes=sizes,
    )


def _among(
    clip: LabelledClip, kept: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> LabelledClip:
    """Return a clip with some of its labelled frames."""
    frames = clip.frames[kept]
    files = tuple(file for file, keep in zip(clip.files, kept.tolist(), strict=False) if keep)
    return replace(
        clip,
        frames=frames,
        boxes=clip.boxes[np.isin(clip.boxes.frames, frames)],
        files=files,
        seconds=None if clip.seconds is None else clip.seconds[kept],
    )
