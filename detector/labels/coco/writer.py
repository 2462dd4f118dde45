"""COCO's JSON, written with the fields of videos."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from detector.labels.labelled import DECIMALS, NO_TRACK, LabelledClip, LabelledSet, Mark


def coco_json(labels: LabelledSet, suffix: str = ".jpg", *, several: bool | None = None) -> bytes:
    """Return labels as a JSON in COCO's format.

    A video has an entry in `videos`. Its frames are called `frame_000000.jpg`, in a folder for each
    clip if the set has several.

    suffix: of frames of a video that have no file
    several: whether the set has several clips, if `labels` is a part of it
    """
    several = len(labels.clips) > 1 if several is None else several
    content: dict[str, Any] = {
        "info": {"description": "written by Framelane"},
        "licenses": [],
        "videos": [_video(clip, k) for k, clip in enumerate(labels.clips, 1) if clip.is_video],
        "categories": [
            {"id": k, "name": name, "supercategory": ""} for k, name in enumerate(labels.classes, 1)
        ],
        "images": [],
        "annotations": [],
    }
    for k, clip in enumerate(labels.clips, 1):
        ids = _write_images(content["images"], clip, k, several=several, suffix=suffix)
        _write_boxes(content["annotations"], clip, ids)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def coco_file(clip: LabelledClip, position: int, *, several: bool, suffix: str = ".jpg") -> str:
    """Return the `file_name` of a labelled frame; several: whether the set has several clips."""
    name = clip.file_of(position, suffix)
    return f"{clip.name}/{name}" if several else name


def _video(clip: LabelledClip, number: int) -> dict[str, Any]:
    video: dict[str, Any] = {"id": number, "name": clip.name, "frame_count": clip.frame_count}
    if clip.size:
        video |= {"height": clip.size[0], "width": clip.size[1]}
    if clip.frame_rate:
        video |= {"fps": float(clip.frame_rate), "frame_rate": str(clip.frame_rate)}
    return video


def _write_images(
    images: list[dict[str, Any]], clip: LabelledClip, number: int, *, several: bool, suffix: str
) -> dict[int, int]:
    """Add the frames of a clip, and return their ids."""
    ids = {}
    for position, frame in enumerate(clip.frames.tolist()):
        ids[frame] = len(images) + 1
        file = coco_file(clip, position, several=several, suffix=suffix)
        image: dict[str, Any] = {"id": ids[frame], "file_name": file}
        if size := clip.size_of(frame):
            image |= {"height": size[0], "width": size[1]}
        image |= {"frame_index": frame}
        image |= {"video_id": number} if clip.is_video else {"clip": clip.name}
        if clip.split:
            image["split"] = clip.split
        if clip.seconds is not None:
            image["seconds"] = float(clip.seconds[position])
        images.append(image)
    return ids


def _write_boxes(
    annotations: list[dict[str, Any]], clip: LabelledClip, image_ids: Mapping[int, int]
) -> None:
    for row in clip.boxes.rows():
        left, top, right, bottom = row.box_xyxy
        width, height = round(right - left, DECIMALS), round(bottom - top, DECIMALS)
        attributes: dict[str, Any] = {**row.attributes, "occluded": row.is_occluded}
        item: dict[str, Any] = {
            "id": len(annotations) + 1,
            "image_id": image_ids[row.frame],
            "category_id": row.class_id + 1,
            "bbox": [left, top, width, height],
            "area": round(width * height, DECIMALS),
            "iscrowd": int(row.is_ignored),
            "segmentation": [],
        }
        if row.track != NO_TRACK:
            item["track_id"] = attributes["track_id"] = row.track
        if row.score is not None:
            item["score"] = row.score
        if row.mark is not Mark.NONE:
            attributes["mark"] = row.mark.name.lower()
        annotations.append({**item, "attributes": attributes})
