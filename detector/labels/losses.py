"""What a format cannot say about given labels, so that nothing is lost without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from detector.labels.formats import Format
from detector.labels.keyframes import step_of
from detector.labels.labelled import NO_TRACK, LabelledClip, LabelledSet, Mark

YOLO = (Format.YOLO, Format.YOLO_TRACK)


def losses(labels: LabelledSet, written: Format) -> list[str]:
    """Return a line for each kind of property that is lost when labels are written in a format."""
    lines = []
    for formats, count, what in RULES:
        boxes = sum(count(clip) for clip in labels.clips)
        if written in formats and boxes:
            lines.append(f"{written.value} {what}: {boxes} boxes")
    return [*lines, *(line for clip in labels.clips for line in _of_clip(clip, written))]


def _of_clip(clip: LabelledClip, written: Format) -> Iterator[str]:
    rate = clip.frame_rate
    if written is Format.MOT and rate and rate.denominator != 1:
        yield f"clip '{clip.name}': {float(rate):g} frames per second become {round(rate)}"
    if written is Format.MOT and len(clip.frames) < clip.frame_count:
        yield (
            f"clip '{clip.name}': {clip.frame_count - len(clip.frames)} frames that were not "
            "labelled look like frames without objects"
        )
    spaced = written in (Format.CVAT, Format.LABEL_STUDIO) and clip.is_video
    if spaced and step_of(clip.frames.tolist()) is None:
        yield f"clip '{clip.name}': which frames were not labelled is lost: they are not every k-th"
    if written is Format.LABEL_STUDIO and clip.is_video and rate is None:
        yield f"clip '{clip.name}': its frame rate is not known: 25 frames per second are assumed"


def _with_track(clip: LabelledClip) -> int:
    return int((clip.boxes.tracks != NO_TRACK).sum())


def _with_score(clip: LabelledClip) -> int:
    return int((~np.isnan(clip.boxes.scores)).sum())


def _with_mark(clip: LabelledClip) -> int:
    return int((clip.boxes.marks != Mark.NONE).sum())


def _occluded(clip: LabelledClip) -> int:
    return int(clip.boxes.occluded.sum())


def _ignored(clip: LabelledClip) -> int:
    return int(clip.boxes.ignored.sum())


def _with_attributes(clip: LabelledClip) -> int:
    return len(clip.boxes.attributes)


def _with_other_attributes(clip: LabelledClip) -> int:
    return sum(set(found) != {"visibility"} for found in clip.boxes.attributes.values())


def _beyond(clip: LabelledClip) -> int:
    if clip.size is None:
        return 0
    limits = np.array([*clip.size[::-1], *clip.size[::-1]], np.float64)
    outside = (clip.boxes.boxes_xyxy < 0) | (clip.boxes.boxes_xyxy > limits)
    return int(outside.any(axis=1).sum())


RULES: tuple[tuple[tuple[Format, ...], Callable[[LabelledClip], int], str], ...] = (
    ((Format.YOLO,), _with_track, "has no place for tracks (.yolo-track has)"),
    ((*YOLO, Format.MOT), _with_score, "has no place for scores"),
    ((*YOLO, Format.MOT), _with_mark, "does not say how a box was obtained"),
    ((*YOLO, Format.MOT), _occluded, "does not say what is occluded"),
    (YOLO, _ignored, "has no boxes to ignore, so that these are left out"),
    (YOLO, _with_attributes, "has no attributes"),
    ((Format.MOT,), _with_other_attributes, "has no attributes but the visibility"),
    (YOLO, _beyond, "cuts boxes to the frame"),
)
