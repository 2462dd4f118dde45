"""Label Studio's JSON: regions of videos as sequences of keyframes, and rectangles of pictures.

A keyframe that is not `enabled` is the last one of its run. Coordinates are percent of the frame,
frames count from 1. What Label Studio has no place for is under `framelane`, where it does not
look: facts of the clip in the `meta` of a task, properties of a box in its keyframe.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from detector.errors import UsageError
from detector.labels.coco.fields import as_number, read_json, shown
from detector.labels.draft import (
    NO_TRACK_WORDS,
    ClipDraft,
    TrackNames,
    built_set,
    checked_box,
    checked_class,
    checked_frame,
)
from detector.labels.findings import Findings
from detector.labels.keyframes import Keyframe, filled
from detector.labels.labelled import LabelledBox, LabelledSet, Mark, Size, safe_name

OURS = "framelane"
TRACK = "track-"  # how the region of a track is called
VIDEO, PICTURE = "videorectangle", "rectanglelabels"


def read_label_studio(
    data: bytes, where: str, name: str, split: str, size: Size | None, findings: Findings
) -> LabelledSet:
    """Return the labels in a JSON that Label Studio exported, or that was made for its import.

    A task about a video is a clip; tasks about images are the pictures of one. Of a task with
    several annotations the last one counts; without annotations, its predictions do.

    name: of a clip of pictures; split: of all clips; size: of frames, if the file does not say it
    Raises UsageError if the file has another format. Wrong regions are noted and left out.
    """
    tasks = read_json(data, where)
    if not isinstance(tasks, list):
        raise UsageError(f"{where}: not a JSON of Label Studio: a list of tasks is expected")
    reader = _Reader(where, name, split, size, findings)
    for number, task in enumerate(tasks):
        with findings.noted():
            reader.take(task, f"{where}: task {number + 1}")
    return built_set(reader.classes, reader.drafts.values(), findings)


class _Reader:
    def __init__(
        self, where: str, name: str, split: str, size: Size | None, findings: Findings
    ) -> None:
        self.classes: list[str] = []
        self.drafts: dict[str, ClipDraft] = {}
        self._where = where
        self._name = name
        self._split = split
        self._size = size
        self._findings = findings

    def take(self, task: Any, where: str) -> None:
        """Add a task."""
        data = task.get("data") if isinstance(task, dict) else None
        if not isinstance(data, dict):
            raise UsageError(
                f"{where}: {shown(task)} given: a task with 'data' is expected: export as 'JSON', "
                "not as 'JSON-MIN'"
            )
        meta = task.get("meta")
        facts = meta.get(OURS) if isinstance(meta, dict) else None
        facts = facts if isinstance(facts, dict) else {}
        for each in facts.get("classes", []) if isinstance(facts.get("classes"), list) else []:
            self._class_id(each, where)
        regions = self._regions(task, where)
        media = str(data.get("video") or data.get("image") or "")
        if any(each.get("type") == VIDEO for each in regions) or "video" in data:
            self._video(media, facts, regions, where)
        else:
            self._picture(media, facts, regions, where)

    def _regions(self, task: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
        """Return the results of the annotation that counts."""
        found = [each for each in _list(task.get("annotations")) if not each.get("was_cancelled")]
        if len(found) > 1:
            self._findings.note(f"{where}: {len(found)} annotations: only the last one is read")
        found = found[-1:] or _list(task.get("predictions"))[-1:]
        return _list(found[0].get("result")) if found else []

    def _class_id(self, name: object, where: str) -> int:
        known = checked_class(where, name)
        if known not in self.classes:
            self.classes.append(known)
        return self.classes.index(known)

    def _label(self, region: Mapping[str, Any], where: str) -> int:
        value = region.get("value")
        names = value.get("labels") or value.get(PICTURE) if isinstance(value, dict) else None
        if not isinstance(names, list) or not names:
            raise UsageError(f"{where}: no label is given: choose one in Label Studio")
        if len(names) > 1:
            self._findings.add(f"{where}: {len(names)} labels given: the first one is taken")
        return self._class_id(names[0], where)

    def _video(
        self,
        media: str,
        facts: Mapping[str, Any],
        regions: Sequence[Mapping[str, Any]],
        where: str,
    ) -> None:
        stem = PurePosixPath(unquote(media).rpartition("=")[2]).stem
        draft = ClipDraft(safe_name(str(facts.get("name") or stem or self._name)))
        self.drafts[f"{len(self.drafts)} {draft.name}"] = draft
        values = [each["value"] for each in regions if isinstance(each.get("value"), dict)]
        counts = [as_number(value.get("framesCount")) for value in values]
        counts = [as_number(facts.get("frame_count")), *counts]
        draft.frame_count = int(max((count or 0) for count in counts))
        draft.size, draft.split = _size(facts) or self._size, str(facts.get("split") or self._split)
        draft.frame_rate = _rate(facts.get("frame_rate"))
        first, last, step = _frames(facts, draft.frame_count)
        draft.frames.update(range(first, last + 1, step))
        tracks = TrackNames()
        tracks.reserve(_identity(each) for each in regions)
        for number, region in enumerate(regions):
            if region.get("type") != VIDEO:
                self._leave_out(region, where)
                continue
            place = f"{where}: region {region.get('id', number + 1)}"
            with self._findings.noted():
                track = tracks.number(_identity(region))
                keyframes = self._keyframes(region, draft, track, place)
                end = max([last, *(each.box.frame for each in keyframes)])
                draft.rows += filled(keyframes, end, step)

    def _keyframes(
        self, region: Mapping[str, Any], draft: ClipDraft, track: int, where: str
    ) -> list[Keyframe]:
        class_id = self._label(region, where)
        size = _size({"size": [region.get("original_height"), region.get("original_width")]})
        size = size or draft.size
        if size is None:
            raise UsageError(
                f"{where}: the size of the video is not known, and coordinates are percent of it: "
                "give the video"
            )
        draft.size = draft.size or size
        found: dict[int, Keyframe] = {}
        for item in _list(region["value"].get("sequence")):
            with self._findings.noted():
                frame = checked_frame(f"{where}: frame", item.get("frame"), first=1)
                place = f"{where}, frame {frame + 1}"
                if frame in found:
                    raise UsageError(f"{place}: is there twice")
                row = self._row(item, item.get(OURS), frame, class_id, track, size, place)
                found[frame] = Keyframe(row, ends=not item.get("enabled", True))
        return [found[frame] for frame in sorted(found)]

    def _picture(
        self,
        media: str,
        facts: Mapping[str, Any],
        regions: Sequence[Mapping[str, Any]],
        where: str,
    ) -> None:
        title = safe_name(str(facts.get("name") or self._name))
        split = str(facts.get("split") or self._split)
        draft = self.drafts.setdefault(title, ClipDraft(title, is_video=False, split=split))
        index = facts.get("frame")
        frame = len(draft.frames) if index is None else checked_frame(where, index)
        if frame in draft.frames:
            raise UsageError(f"{where}: picture {frame} is there twice")
        draft.frames.add(frame)
        draft.files[frame] = str(facts.get("file") or unquote(media).rpartition("=")[2]) or where
        tracks = TrackNames()
        tracks.reserve(_identity(each) for each in regions)
        size = _size(facts)
        for number, region in enumerate(regions):
            if region.get("type") not in (PICTURE, "rectangle"):
                self._leave_out(region, where)
                continue
            place = f"{where}: region {region.get('id', number + 1)}"
            with self._findings.noted():
                stated = [region.get("original_height"), region.get("original_width")]
                size = _size({"size": stated}) or size or self._size
                if size is None:
                    raise UsageError(f"{place}: original_width and original_height are expected")
                class_id, meta = self._label(region, place), region.get("meta")
                ours = meta.get(OURS) if isinstance(meta, dict) else None
                track = tracks.number(_identity(region)) if _is_track(region) else NO_TRACK_ID
                value, score = region["value"], as_number(region.get("score"))
                row = self._row(value, ours, frame, class_id, track, size, place, score)
                draft.rows.append(row)
        if size:
            draft.sizes[frame] = size

    def _leave_out(self, region: Mapping[str, Any], where: str) -> None:
        kind = region.get("type")
        if kind not in ("labels", "videolabels", None):
            self._findings.note(f"{self._where}: {shown(kind)} is not taken along: only boxes are")

    def _row(
        self,
        item: Mapping[str, Any],
        ours: Any,
        frame: int,
        class_id: int,
        track: int,
        size: Size,
        where: str,
        score: float | None = None,
    ) -> LabelledBox:
        box = self._box(item, size, where)
        ours = ours if isinstance(ours, dict) else {}
        word = str(ours.get("mark", "")).upper()
        attributes = ours.get("attributes")
        stated = ours.get("class")
        return LabelledBox(
            frame,
            tuple(box),
            class_id if stated is None else self._class_id(stated, where),
            track,
            as_number(ours.get("score")) if score is None else score,
            Mark[word] if word in Mark.__members__ else Mark.NONE,
            bool(ours.get("occluded")),
            bool(ours.get("ignore")),
            dict(attributes) if isinstance(attributes, dict) else {},
        )

    def _box(self, item: Mapping[str, Any], size: Size, where: str) -> list[float]:
        numbers = [as_number(item.get(key)) for key in ("x", "y", "width", "height")]
        if any(each is None for each in numbers):
            raise UsageError(f"{where}: {shown(item)} given: x, y, width and height are expected")
        height, width = size
        x, y, w, h = (each or 0.0 for each in numbers)
        left, top = x * width / 100, y * height / 100
        right, bottom = (x + w) * width / 100, (y + h) * height / 100
        angle = math.radians(as_number(item.get("rotation")) or 0.0)
        if angle:
            self._findings.note(f"{self._where}: rotated boxes become the boxes around them")
            cos, sin = math.cos(angle), math.sin(angle)
            corners = [(a, b) for a in (0, right - left) for b in (0, bottom - top)]
            xs = [left + a * cos - b * sin for a, b in corners]
            ys = [top + a * sin + b * cos for a, b in corners]
            left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
        return checked_box(where, left, top, right, bottom)


NO_TRACK_ID = -1


def _identity(region: Mapping[str, Any]) -> str:
    """Return what names the track of a region: our number, or the id that Label Studio gave."""
    name = str(region.get("id", ""))
    if name.startswith("box-"):
        return NO_TRACK_WORDS[0]
    return name.removeprefix(TRACK) if name.startswith(TRACK) else f"id {name}"


def _is_track(region: Mapping[str, Any]) -> bool:
    return str(region.get("id", "")).startswith(TRACK)


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _size(facts: Mapping[str, Any]) -> Size | None:
    given = facts.get("size")
    numbers = [as_number(each) for each in given] if isinstance(given, list) else []
    if len(numbers) != 2 or not all(each and each >= 1 for each in numbers):
        return None
    return int(numbers[0] or 0), int(numbers[1] or 0)


def _rate(value: Any) -> Fraction | None:
    try:
        return Fraction(str(value)) if value else None
    except (ValueError, ZeroDivisionError):
        return None


def _frames(facts: Mapping[str, Any], count: int) -> tuple[int, int, int]:
    """Return first, last and distance of the labelled frames."""
    given = facts.get("frames")
    if isinstance(given, list) and len(given) == 3 and all(isinstance(k, int) for k in given):
        first, last, step = given
        if 0 <= first <= last + 1 <= 10_000_000 and step > 0:
            return first, last, step
    return 0, min(count, 10_000_000) - 1, 1
