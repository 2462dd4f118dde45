"""The recordings that labels belong to: their size, rate and times, and their frames as images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from detector.errors import UsageError
from detector.labels.formats import Hints, Images
from detector.labels.labelled import Float64Array, LabelledClip, LabelledSet, Size
from pipeline.redaction import shown_url
from pipeline.sources import Decoded, make_source, source_for

QUALITY = 95  # of JPEG: frames are labelled and trained on


@dataclass(frozen=True, slots=True)
class Recording:
    """What decoding a recording shows.

    size: (height, width) of its upright frames; sizes: of those that differ, by frame
    frame_rate: as its container states it
    seconds: (n,) float64 of each frame, NaN for one that does not decode
    """

    url: str
    size: Size
    frame_rate: Fraction
    seconds: Float64Array

    @property
    def hints(self) -> Hints:
        """What a reader of labels may need."""
        return Hints(self.size, len(self.seconds))


def read_recording(url: str) -> Recording:
    """Return the facts of a recording, which is decoded once. Raises UsageError or SourceError."""
    size: Size | None = None
    seconds: list[float] = []
    with closing(make_source(url, "labels", {}, ())) as source:
        rate = 1 / source.open().nominal_interval
        for item in source:
            if isinstance(item, Decoded):
                size = size or (item.picture.height, item.picture.width)
                at = len(seconds) / rate if item.pts is None else item.pts * item.time_base
                seconds.append(float(at))
            else:
                seconds.append(float("nan"))
    if size is None:
        raise UsageError(f"{shown_url(url)}: none of its frames decodes")
    return Recording(url, size, rate, np.array(seconds, np.float64))


def frames_of(url: str) -> Iterator[tuple[int, Decoded]]:
    """Yield the frames of a recording that decode, with their numbers from 0."""
    if source_for(url).live:
        raise UsageError(f"{shown_url(url)}: is live: give the recording that was labelled")
    with closing(make_source(url, "labels", {}, ())) as source:
        source.open()
        for index, item in enumerate(source):
            if isinstance(item, Decoded):
                yield index, item


def by_clip(labels: LabelledSet, urls: Sequence[str]) -> dict[str, str]:
    """Return the recording of each clip, by its name: that of the file without its suffix.

    A single recording belongs to a single clip, whatever their names. Raises UsageError for a
    recording that belongs to no clip.
    """
    if len(urls) == len(labels.clips) == 1:
        return {labels.clips[0].name: urls[0]}
    names = [clip.name for clip in labels.clips]
    found = {Path(url).stem: url for url in urls}
    for stem, url in found.items():
        if stem not in names:
            raise UsageError(
                f"--video {shown_url(url)}: no clip is called '{stem}'; the labels are about: "
                f"{', '.join(names)}"
            )
    return found


def with_recording(labels: LabelledSet, name: str, recording: Recording) -> LabelledSet:
    """Return labels whose clip `name` has the facts of its recording.

    Raises UsageError if a labelled frame is behind its end.
    """
    clips = (_with_facts(clip, recording) if clip.name == name else clip for clip in labels.clips)
    return replace(labels, clips=tuple(clips))


def _with_facts(clip: LabelledClip, recording: Recording) -> LabelledClip:
    count = len(recording.seconds)
    if len(clip.frames) and clip.frames[-1] >= count:
        raise UsageError(
            f"{shown_url(recording.url)}: has {count} frames, but frame {clip.frames[-1]} of clip "
            f"'{clip.name}' is labelled: give the recording that was labelled"
        )
    seconds = recording.seconds[clip.frames]
    return replace(
        clip,
        size=clip.size or recording.size,
        frame_rate=clip.frame_rate or recording.frame_rate,
        frame_count=count,
        seconds=None if np.isnan(seconds).any() else seconds,
    )


def images_from(recordings: dict[str, str], kind: Literal["jpg", "png"]) -> Images:
    """Return what makes images of labelled frames, which are asked for in order.

    recordings: by the name of their clip
    """
    suffix = f".{kind}"
    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if kind == "jpg" else []
    running: dict[str, Iterator[tuple[int, Decoded]]] = {}

    def image(clip: LabelledClip, position: int) -> tuple[bytes, str] | None:
        if clip.name not in recordings:
            return None
        wanted = int(clip.frames[position])
        frames = running.setdefault(clip.name, frames_of(recordings[clip.name]))
        for index, item in frames:
            if index == wanted:
                _, data = cv2.imencode(suffix, item.picture.bgr, quality)
                return data.tobytes(), suffix
            if index > wanted:
                break
        raise UsageError(
            f"{shown_url(recordings[clip.name])}: frame {wanted}, which is labelled, is not there "
            "or does not decode"
        )

    return image
