"""A clip while its labels are read: rows are checked and collected, then become a LabelledClip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import isfinite

import numpy as np

from detector.errors import UsageError
from detector.labels.findings import Findings
from detector.labels.labelled import (
    DECIMALS,
    NO_TRACK,
    Attribute,
    Boxes,
    LabelledBox,
    LabelledClip,
    LabelledSet,
    Mark,
    Size,
)

MAX_PIXELS = 1e7  # of an edge: beyond it, DECIMALS are not exact
MAX_FRAME = 10_000_000  # four days at 30 frames per second
MAX_TRACK = 2**53  # which every program reads
NO_TRACK_WORDS = ("", "none", "None", "-1")


@dataclass(slots=True)
class ClipDraft:
    """What is known of a clip so far; fields as in LabelledClip, by frame instead of in order."""

    name: str
    rows: list[LabelledBox] = field(default_factory=list)
    frames: set[int] = field(default_factory=set)
    frame_count: int = 0
    size: Size | None = None
    frame_rate: Fraction | None = None
    is_video: bool = True
    split: str = ""
    files: dict[int, str] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    sizes: dict[int, Size] = field(default_factory=dict)

    def built(self, findings: Findings) -> LabelledClip:
        """Return the clip. A track with two boxes in one frame keeps the first: that is noted."""
        frames = sorted(self.frames.union(row.frame for row in self.rows))
        files = tuple(self.files[frame] for frame in frames if frame in self.files)
        times = [self.seconds[frame] for frame in frames if frame in self.seconds]
        size, sizes = self._sizes(frames)
        return LabelledClip(
            self.name,
            Boxes.of(list(self._with_single_tracks(findings))),
            np.array(frames, np.int64),
            max(self.frame_count, frames[-1] + 1 if frames else 0),
            size,
            self.frame_rate,
            self.is_video,
            self.split,
            files if len(files) == len(frames) else (),
            np.array(times, np.float64) if frames and len(times) == len(frames) else None,
            sizes,
        )

    def _sizes(self, frames: Sequence[int]) -> tuple[Size | None, dict[int, Size]]:
        known = [self.sizes[frame] for frame in frames if frame in self.sizes]
        size = self.size or (max(set(known), key=known.count) if known else None)
        return size, {k: s for k, s in self.sizes.items() if s != size and k in set(frames)}

    def _with_single_tracks(self, findings: Findings) -> Iterable[LabelledBox]:
        seen: set[tuple[int, int]] = set()
        for row in self.rows:
            key = row.frame, row.track
            if row.track == NO_TRACK or key not in seen:
                seen.add(key)
                yield row
            else:
                findings.add(
                    f"clip '{self.name}', frame {row.frame}: track {row.track} has two boxes: the "
                    "later one is kept without its track"
                )
                yield replace(row, track=NO_TRACK)


def built_set(
    classes: Sequence[str], drafts: Iterable[ClipDraft], findings: Findings
) -> LabelledSet:
    """Return the set of some clips; names that occur twice get a number."""
    taken: set[str] = set()
    clips = []
    for draft in drafts:
        name, number = draft.name, 2
        while name in taken:
            name, number = f"{draft.name}-{number}", number + 1
        taken.add(name)
        draft.name = name
        clips.append(draft.built(findings))
    return LabelledSet(tuple(classes), tuple(clips))


def checked_box(where: str, left: float, top: float, right: float, bottom: float) -> list[float]:
    """Return the edges of a box, rounded; raises UsageError if it has no area or is not finite."""
    box = [left, top, right, bottom]
    if not all(isfinite(edge) and abs(edge) <= MAX_PIXELS for edge in box):
        raise UsageError(f"{where}: the box {shown_box(box)} is not finite, or beyond all images")
    box = [round(edge, DECIMALS) + 0.0 for edge in box]
    if box[0] >= box[2] or box[1] >= box[3]:
        raise UsageError(
            f"{where}: the box {shown_box(box)} (left, top, right, bottom) has no area: the right "
            "edge must be beyond the left one, the bottom beyond the top"
        )
    return box


def shown_box(box: Iterable[float]) -> str:
    """Return numbers for a message."""
    return ", ".join(f"{edge:.9g}" for edge in box)


def checked_frame(where: str, value: object, first: int = 0) -> int:
    """Return the number of a frame, counted from `first`, counted from 0; raises UsageError."""
    try:
        frame = int(str(value))
    except ValueError:
        frame = -1
    if not first <= frame <= MAX_FRAME:
        raise UsageError(
            f"{where}: frame {str(value)[:40]!r} given: a whole number from {first} to {MAX_FRAME} "
            "is expected"
        )
    return frame - first


def checked_class(where: str, name: object) -> str:
    """Return the name of a class; raises UsageError if no format could write it."""
    text = name.strip() if isinstance(name, str) else ""
    if not text or not text.isprintable():
        raise UsageError(
            f"{where}: class {str(name)[:40]!r} given: a name without control characters is "
            "expected"
        )
    return text


class TrackNames:
    """Identities of tracks: numbers stay what they are, other names get the next free number."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._named: list[str] = []

    def reserve(self, values: Iterable[object]) -> None:
        """Note all identities of a file, before any is asked for."""
        for value in dict.fromkeys(str(value) for value in values):
            number = _whole(value)
            if number is not None:
                self._given[value] = number
            elif value not in NO_TRACK_WORDS:
                self._named.append(value)
        free = max(self._given.values(), default=0) + 1
        self._given |= {value: free + k for k, value in enumerate(self._named)}

    def number(self, value: object) -> int:
        """Return the number of a track; NO_TRACK for one that has no identity."""
        return self._given.get(str(value), NO_TRACK)


def _whole(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal()) or len(text) > 16:
        return None
    return int(text) if int(text) <= MAX_TRACK else None


class Properties:
    """The properties of a box that formats without a place for them keep among its attributes."""

    def __init__(self, given: Mapping[str, Attribute]) -> None:
        """Take the attributes of a box, as they were read."""
        self.rest = dict(given)

    def take(self, name: str) -> Attribute | None:
        """Remove and return an attribute."""
        return self.rest.pop(name, None)

    def flag(self, name: str) -> bool:
        """Remove an attribute, and return whether it says yes."""
        return str(self.take(name)).lower() in ("true", "1", "yes")

    def mark(self) -> Mark | None:
        """Remove and return the mark; None if there is none. An unknown word stays."""
        word = str(self.rest.get("mark", "")).upper()
        if word not in Mark.__members__:
            return None
        del self.rest["mark"]
        return Mark[word]

    def score(self) -> float | None:
        """Remove and return the score; a value that is no number stays."""
        try:
            score = float(self.rest["score"])
        except (KeyError, ValueError):
            return None
        if not isfinite(score):
            return None
        del self.rest["score"]
        return score
