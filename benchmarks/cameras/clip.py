"""A clip that cameras show in a loop, and the truth of what one of them sends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from detector.detections import UInt8Array
from tests.support.cameras import read_units, write_units
from trackers.evaluation.ignore_regions import IgnoreRegions
from trackers.motchallenge.text import MotRows

MAX_IDS = 1_000_000  # of a clip: in the next lap, its objects are others
NOWHERE = IgnoreRegions(np.zeros(0), np.zeros(0), np.zeros((0, 4)))


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Access units, with a keyframe every second, and the truth of their frames.

    fps: frames per second
    frames: number of access units
    truth: the labelled boxes; frames are numbered from 1
    ignored: regions in which boxes are neither right nor wrong
    """

    units: Path
    fps: Fraction
    frames: int
    truth: MotRows
    ignored: IgnoreRegions

    @property
    def name(self) -> str:
        """A short name for a table."""
        return self.units.stem

    @property
    def keyframes(self) -> list[int]:
        """The places of the keyframes, from 0."""
        return list(range(0, self.frames, _gop(self.fps)))


def make_clip(
    units: Path,
    fps: Fraction,
    frames: Iterable[UInt8Array],
    truth: MotRows,
    ignored: IgnoreRegions = NOWHERE,
) -> Clip:
    """Return a clip of BGR frames, which are encoded unless the file `units` is there."""
    if not units.is_file():
        units.parent.mkdir(parents=True, exist_ok=True)
        write_units(units.with_suffix(".partial"), frames, _gop(fps), fps=fps).rename(units)
    return Clip(units, fps, len(read_units(units)), truth, ignored)


def _gop(fps: Fraction) -> int:
    return int(fps)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What one camera shows: a clip in a loop, from its frame `start` (from 0), a keyframe."""

    clip: Clip
    start: int

    def truth(self, frames: int) -> MotRows:
        """Return the labelled boxes of the camera's first frames, which are numbered from 1."""
        rows = self.clip.truth
        laps = enumerate(self._shifts(frames))
        return MotRows.concatenated(
            [replace(rows, frames=rows.frames + n, ids=rows.ids + k * MAX_IDS) for k, n in laps]
        )

    def ignored(self, frames: int) -> IgnoreRegions:
        """Return the regions to ignore in the camera's first frames."""
        regions, shifts = self.clip.ignored, self._shifts(frames)
        return IgnoreRegions(
            np.concatenate([regions.first + shift for shift in shifts]),
            np.concatenate([regions.last + shift for shift in shifts]),
            np.concatenate([regions.boxes_xyxy for _ in shifts]),
        )

    def _shifts(self, frames: int) -> list[int]:
        """Return, for each lap, the camera's number of a frame less the clip's number."""
        period = self.clip.frames
        return [lap * period - self.start for lap in range(1 + (self.start + frames) // period)]


def shown_by(cameras: int, clips: Sequence[Clip]) -> list[Shown]:
    """Return what each camera shows.

    The cameras take the clips in turn. Those of one clip start as far apart as can be.
    """
    shown = []
    for number in range(cameras):
        lap, place = divmod(number, len(clips))
        clip = clips[place]
        laps = len(range(place, cameras, len(clips)))
        keyframes = clip.keyframes
        shown.append(Shown(clip, keyframes[lap * len(keyframes) // laps]))
    return shown
