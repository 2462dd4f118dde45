"""COCO's JSON, with the fields of videos that tracking data sets add."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isfinite
from typing import Any

from detector.errors import UsageError
from detector.labels.coco.fields import (
    KEYS,
    annotation,
    as_number,
    category,
    id_of,
    image_entry,
    objects,
    read_json,
)
from detector.labels.draft import (
    ClipDraft,
    Properties,
    TrackNames,
    built_set,
    checked_box,
    checked_class,
    checked_frame,
)
from detector.labels.findings import Findings
from detector.labels.frame_names import frame_of_name
from detector.labels.labelled import (
    Attribute,
    LabelledBox,
    LabelledSet,
    Mark,
    safe_name,
)


def read_coco_labels(
    data: bytes, where: str, name: str, split: str, findings: Findings
) -> LabelledSet:
    """Return the labels in a JSON in COCO's format.

    Images with a `video_id` are frames of that video. So are images named `frame_000000` without
    one. Others are the pictures of one folder.

    name: of a clip that has none in the file; split: of all clips
    Raises UsageError if the file has another format. Wrong annotations are noted and left out.
    """
    content = read_json(data, where)
    if not isinstance(content, dict):
        raise UsageError(f"{where}: not in COCO's format: an object is expected at the top")
    lists = {key: objects(content, key, where) for key in KEYS}
    videos = objects(content, "videos", where) if "videos" in content else []
    classes = _classes(lists["categories"], where)
    images = _Images(lists["images"], videos, where, name, split, findings)
    tracks = TrackNames()
    tracks.reserve(_track_of(item) for item in lists["annotations"])
    names = list(dict.fromkeys(classes.values()))
    class_ids = {key: names.index(name) for key, name in classes.items()}
    for number, item in enumerate(lists["annotations"]):
        with findings.noted():
            place = f"{where}: annotation {item.get('id', f'at position {number}')}"
            _add(item, place, class_ids, images, tracks, findings)
    return built_set(names, images.drafts, findings)


def _classes(items: Sequence[Mapping[str, Any]], where: str) -> dict[str, str]:
    """Return the names of classes by the id of their category."""
    found: dict[str, str] = {}
    for number, item in enumerate(items):
        key, name = category(item, f"{where}: categories[{number}]")
        name = checked_class(f"{where}: categories[{number}]", name)
        if found.setdefault(key, name) != name:
            raise UsageError(
                f"{where}: categories: the id {key} stands for '{found[key]}' and for '{name}': "
                "give each its own"
            )
    return found


class _Images:
    """The clips of a JSON, and where each of its images belongs."""

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        videos: Sequence[Mapping[str, Any]],
        where: str,
        name: str,
        split: str,
        findings: Findings,
    ) -> None:
        self._places: dict[str, tuple[ClipDraft, int]] = {}
        self._drafts: dict[tuple[str, str], ClipDraft] = {}
        self._videos = {
            ("video", id_of(video, "id", f"{where}: videos[{k}]")): _clip(video, name, split)
            for k, video in enumerate(videos)
        }
        named_frames = all(frame_of_name(str(item.get("file_name"))) is not None for item in items)
        for number, item in enumerate(items):
            with findings.noted():
                self._place(item, f"{where}: images[{number}]", name, split, named_frames)

    @property
    def drafts(self) -> list[ClipDraft]:
        """The clips, in the order of their first images."""
        return list((self._drafts | self._videos).values())

    def at(self, image_id: str, where: str) -> tuple[ClipDraft, int]:
        """Return the clip and the frame of an image; raises UsageError."""
        if image_id not in self._places:
            raise UsageError(f"{where}: no image has the id {image_id}")
        return self._places[image_id]

    def _place(
        self, item: Mapping[str, Any], where: str, name: str, split: str, named_frames: bool
    ) -> None:
        entry = image_entry(item, where)
        if entry.id in self._places:
            raise UsageError(
                f"{where}: the id {entry.id} occurs twice; its later image is left out"
            )
        video = item.get("video_id")
        key = ("video", id_of(item, "video_id", where)) if video is not None else _folder(item)
        if key not in self._drafts:
            title = safe_name(key[1]) if key[0] == "clip" else name
            is_video = video is not None or named_frames
            self._drafts[key] = self._videos.get(key) or ClipDraft(
                title, is_video=is_video, split=split
            )
        draft = self._drafts[key]
        stated = item.get("split")
        draft.split = safe_name(stated) if isinstance(stated, str) and stated else draft.split
        frame = _frame_of(item, entry.file_name, draft, where)
        if frame in draft.frames:
            raise UsageError(f"{where}: frame {frame} of '{draft.name}' is there twice")
        draft.frames.add(frame)
        draft.files[frame] = _without_clip(entry.file_name, draft.name)
        if entry.size:
            draft.sizes[frame] = entry.size
        seconds = as_number(item.get("seconds"))
        if seconds is not None:
            draft.seconds[frame] = seconds
        self._places[entry.id] = draft, frame


def _without_clip(file: str, clip: str) -> str:
    """Return the name of a file below the folder of its clip."""
    first, slash, rest = file.partition("/")
    return rest if slash and first == clip else file


def _folder(item: Mapping[str, Any]) -> tuple[str, str]:
    clip = item.get("clip")
    return ("clip", clip) if isinstance(clip, str) and clip else ("", "")


def _clip(video: Mapping[str, Any], name: str, split: str) -> ClipDraft:
    title = video.get("name") or video.get("file_name")
    draft = ClipDraft(safe_name(str(title)) if title else name, split=split)
    rate = video.get("frame_rate") or video.get("fps")
    height, width = as_number(video.get("height")), as_number(video.get("width"))
    count = as_number(video.get("frame_count"))
    if height and width:
        draft.size = int(height), int(width)
    if count and 0 < count <= 10_000_000:
        draft.frame_count = int(count)
    try:
        draft.frame_rate = Fraction(str(rate)) if rate else None
    except (ValueError, ZeroDivisionError):
        draft.frame_rate = None
    return draft


def _frame_of(item: Mapping[str, Any], file: str, draft: ClipDraft, where: str) -> int:
    """Return the number of an image in its clip."""
    if not draft.is_video:
        index = item.get("frame_index")
        return len(draft.frames) if index is None else checked_frame(where, index)
    for key in ("frame_index", "frame_id"):
        if item.get(key) is not None:
            return checked_frame(f"{where}: {key}", item[key])
    named = frame_of_name(file)
    return len(draft.frames) if named is None else named


def _track_of(item: Mapping[str, Any]) -> object:
    attributes = item.get("attributes")
    inner = attributes.get("track_id") if isinstance(attributes, dict) else None
    outer = item.get("track_id", item.get("instance_id"))
    return next((value for value in (outer, inner) if value is not None), "")


def _add(
    item: Mapping[str, Any],
    where: str,
    class_ids: Mapping[str, int],
    images: _Images,
    tracks: TrackNames,
    findings: Findings,
) -> None:
    given = annotation(item, where)
    draft, frame = images.at(given.image_id, where)
    if given.category_id not in class_ids:
        raise UsageError(f"{where}: no category has the id {given.category_id}")
    x, y, width, height = given.box
    box = checked_box(where, x, y, x + width, y + height)
    found = item.get("attributes")
    properties = Properties(_scalars(found) if isinstance(found, dict) else {})
    properties.take("track_id")
    if properties.flag("outside"):
        return
    if item.get("segmentation") and not given.is_crowd:
        findings.note("outlines are not taken along, only their boxes")
    is_interpolated = str(properties.take("keyframe")).lower() == "false"
    mark = properties.mark() or (Mark.INTERPOLATED if is_interpolated else Mark.NONE)
    score = as_number(item.get("score"))
    draft.rows.append(
        LabelledBox(
            frame,
            tuple(box),
            class_ids[given.category_id],
            tracks.number(_track_of(item)),
            properties.score() if score is None else score,
            mark,
            properties.flag("occluded"),
            given.is_crowd,
            properties.rest,
        )
    )


def _scalars(found: Mapping[str, Any]) -> dict[str, Attribute]:
    """Return attributes that every format can say; others as JSON."""
    return {
        str(name): value if isinstance(value, str | int | float | bool) else json.dumps(value)
        for name, value in found.items()
        if value is not None and not (isinstance(value, float) and not isfinite(value))
    }
