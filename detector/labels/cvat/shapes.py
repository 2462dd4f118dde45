"""The elements of CVAT's XML that hold boxes, as they are collected."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from detector.errors import UsageError
from detector.labels.findings import Findings
from detector.labels.labelled import Attribute


@dataclass(slots=True)
class CvatTask:
    """A task as its meta describes it, and what was found of it."""

    facts: dict[str, str] = field(default_factory=dict)
    tracks: list[CvatTrack] = field(default_factory=list)
    images: list[CvatImage] = field(default_factory=list)

    def number(self, key: str) -> int | None:
        """Return a number of the meta, None if it is missing."""
        text = self.facts.get(key, "").strip()
        return int(text) if text.isdecimal() and len(text) < 9 else None

    @property
    def step(self) -> int:
        """The distance of labelled frames."""
        found = re.search(r"step\s*=\s*(\d{1,6})", self.facts.get("frame_filter", ""))
        return max(int(found[1]), 1) if found else 1


@dataclass(slots=True)
class CvatTrack:
    """A track, and the line where it begins."""

    id: str
    class_id: int
    line: int
    shapes: list[CvatShape] = field(default_factory=list)


@dataclass(slots=True)
class CvatImage:
    """An image and its boxes."""

    frame: int
    given: Mapping[str, str]
    line: int
    shapes: list[CvatShape] = field(default_factory=list)


@dataclass(slots=True)
class CvatShape:
    """A box or polygon with its attributes, as they are written."""

    tag: str
    given: Mapping[str, str]
    class_id: int
    line: int
    attributes: dict[str, Attribute] = field(default_factory=dict)


def edges_of(shape: CvatShape, place: str, where: str, findings: Findings) -> list[float]:
    """Return left, top, right and bottom of a shape; raises UsageError if it has none.

    place: of the shape; where: of the file, for messages
    """
    try:
        if shape.tag == "polygon":
            findings.note(f"{where}: polygons become the boxes around them")
            points = [
                tuple(map(float, point.split(",")))
                for point in shape.given.get("points", "").split(";")
            ]
            return _around(points)
        box = [float(shape.given[key]) for key in ("xtl", "ytl", "xbr", "ybr")]
        angle = math.radians(float(shape.given.get("rotation", "0")))
    except (KeyError, ValueError, IndexError, OverflowError) as error:
        shown = _shown_given(shape.given)
        raise UsageError(
            f"{place}: {shown} given: a box has the numbers xtl, ytl, xbr and ybr"
        ) from error
    if angle and math.isfinite(angle):
        findings.note(f"{where}: rotated boxes become the boxes around them")
        return _around(_rotated(box, angle))
    return box


def _shown_given(given: Mapping[str, str]) -> str:
    """Return the attributes of an element for a message, not too long."""
    text = " ".join(f"{key}={value!r}" for key, value in given.items())
    return text if len(text) <= 120 else f"{text[:120]}..."


def _around(points: Sequence[Sequence[float]]) -> list[float]:
    x, y = [point[0] for point in points], [point[1] for point in points]
    return [min(x), min(y), max(x), max(y)]


def _rotated(box: Sequence[float], angle: float) -> list[tuple[float, float]]:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    cos, sin = math.cos(angle), math.sin(angle)
    corners = ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]))
    return [
        (x + (a - x) * cos - (b - y) * sin, y + (a - x) * sin + (b - y) * cos) for a, b in corners
    ]


def identity_of(track: CvatTrack) -> str:
    """Return the identity of a track: its attribute `track_id` if it has one, else its id."""
    for shape in track.shapes:
        if "track_id" in shape.attributes:
            return str(shape.attributes["track_id"]).strip() or "none"
    return track.id


def last_frame_of(track: CvatTrack) -> int:
    """Return the last frame of a track that can be read."""
    frames = [shape.given.get("frame", "") for shape in track.shapes]
    return max((int(f) for f in frames if f.isdecimal() and len(f) < 9), default=0)
