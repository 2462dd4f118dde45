"""Runs of keyframes, as video tools store a track: between two, the box moves on a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest

from detector.labels.labelled import DECIMALS, LabelledBox, Mark


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A box of a track.

    ends: it is not visible from the next frame on
    visible: whether it is visible in its own frame
    """

    box: LabelledBox
    ends: bool = False
    visible: bool = True


def filled(keyframes: Sequence[Keyframe], last_frame: int, step: int = 1) -> Iterator[LabelledBox]:
    """Yield the boxes that a tool shows for the keyframes of one track, in the order of frames.

    Frames between two keyframes of a run get a box on the line between them, marked as
    interpolated. A run without an end goes on to `last_frame`, where its last box stands still.

    step: frames between two that are labelled
    """
    for here, following in zip_longest(keyframes, keyframes[1:]):
        if here.visible:
            yield here.box
        if here.ends or not here.visible:
            continue
        until = last_frame + 1 if following is None else following.box.frame
        for frame in range(here.box.frame + step, until, step):
            yield _between(here.box, following.box if following else None, frame)


def _between(start: LabelledBox, end: LabelledBox | None, frame: int) -> LabelledBox:
    box = start.box_xyxy
    if end is not None:
        part = (frame - start.frame) / (end.frame - start.frame)
        box = tuple(
            round(a + (b - a) * part, DECIMALS)
            for a, b in zip(start.box_xyxy, end.box_xyxy, strict=True)
        )
    return replace(start, frame=frame, box_xyxy=box, score=None, mark=Mark.INTERPOLATED)


def runs(boxes: Iterable[LabelledBox], step: int = 1) -> Iterator[list[LabelledBox]]:
    """Yield the boxes of one track, which are in order, in runs without a gap."""
    run: list[LabelledBox] = []
    for box in boxes:
        if run and box.frame - run[-1].frame != step:
            yield run
            run = []
        run.append(box)
    if run:
        yield run


def step_of(frames: Sequence[int]) -> int | None:
    """Return the distance of labelled frames if it is the same everywhere, else None."""
    steps = {b - a for a, b in pairwise(frames)}
    if not steps:
        return 1
    return steps.pop() if len(steps) == 1 else None


def majority_class(boxes: Sequence[LabelledBox]) -> int:
    """Return the class of a track in a format that has one per track: that of most boxes."""
    counts: dict[int, int] = {}
    for box in boxes:
        counts[box.class_id] = counts.get(box.class_id, 0) + 1
    return max(counts, key=lambda class_id: (counts[class_id], -class_id))


def by_track(
    boxes: Iterable[LabelledBox],
) -> tuple[dict[int, list[LabelledBox]], list[LabelledBox]]:
    """Return the boxes of each track, and those without one."""
    tracks: dict[int, list[LabelledBox]] = {}
    alone = []
    for box in boxes:
        if box.track >= 0:
            tracks.setdefault(box.track, []).append(box)
        else:
            alone.append(box)
    return tracks, alone
