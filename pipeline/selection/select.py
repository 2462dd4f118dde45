"""The most useful frames of labels and a recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from detector.errors import UsageError
from detector.labels.findings import Findings
from detector.labels.formats import ENDINGS, Kind, ending_of, read_labels, write_labels
from detector.labels.labelled import LabelledClip, LabelledSet
from pipeline.selection.choose import chosen
from pipeline.selection.frames import jpegs, seen
from pipeline.selection.interest import interest


def selected(labels: Path, video: str, count: int) -> LabelledSet:
    """Return the labels of the `count` most useful frames of a recording.

    labels: of that recording alone. Raises UsageError, SourceError.
    """
    everything = read_labels(labels, Findings())
    if len(everything.clips) != 1:
        raise UsageError(
            f"{labels}: has the labels of {len(everything.clips)} recordings: give those of "
            f"{video} alone"
        )
    (clip,) = everything.clips
    found = seen(video, clip.frames)
    known = _among(clip, np.isin(clip.frames, found.frames))
    best = chosen(interest(known), found.planes, found.seconds, count)
    mask = np.zeros(len(known.frames), bool)
    mask[best] = True
    return replace(everything, clips=(_among(known, mask),))


def written(labels: LabelledSet, video: str, output: Path) -> None:
    """Write labels, and into a folder or zip also the images. Raises UsageError, SourceError."""
    ending = ending_of(str(output))
    if ending is None or ENDINGS[ending][1] is Kind.FILE:
        write_labels(labels, output)
        return
    images = jpegs(video, labels.clips[0].frames)
    write_labels(labels, output, lambda _clip, _position: (next(images), ".jpg"))


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
