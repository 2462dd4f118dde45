"""Label Studio's JSON, written for its import: predictions, or annotations without scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from detector.errors import UsageError
from detector.labels.keyframes import by_track, majority_class, runs, step_of
from detector.labels.label_studio.reader import OURS, PICTURE, TRACK, VIDEO
from detector.labels.labelled import (
    NO_TRACK,
    LabelledBox,
    LabelledClip,
    LabelledSet,
    Mark,
    Size,
)

DIGITS = 12  # decimals of a percentage
USUAL_RATE = 25  # frames per second, of a clip whose rate is not known
MODEL = "framelane"


def label_studio_json(labels: LabelledSet) -> bytes:
    """Return labels as a list of tasks: one for each video, one for each picture.

    Raises UsageError for a clip whose size is not known, and for a video with a variable frame
    rate: Label Studio computes frames from times, and would show the boxes in other frames.
    """
    tasks: list[dict[str, Any]] = []
    for clip in labels.clips:
        if clip.is_video:
            _refuse_variable_rate(clip)
            tasks.append(_video(clip, labels.classes))
        else:
            tasks += _pictures(clip, labels.classes)
    return json.dumps(tasks, ensure_ascii=False, separators=(",", ":")).encode()


def _refuse_variable_rate(clip: LabelledClip) -> None:
    if clip.seconds is None or clip.frame_rate is None or len(clip.frames) < 2:
        return
    expected = clip.seconds[0] + (clip.frames - clip.frames[0]) / float(clip.frame_rate)
    late = np.abs(clip.seconds - expected)
    if late.max() > 0.5 / float(clip.frame_rate):
        frame = int(clip.frames[late.argmax()])
        raise UsageError(
            f"clip '{clip.name}' has a variable frame rate: frame {frame} is {late.max():.3f} s "
            "from its place, so that Label Studio would show boxes in other frames: make a copy "
            "with a constant rate (ffmpeg -i IN -vf fps=25 OUT), and label that"
        )


def _video(clip: LabelledClip, classes: Sequence[str]) -> dict[str, Any]:
    rate = float(clip.frame_rate or USUAL_RATE)
    frames = clip.frames.tolist()
    step = step_of(frames)
    facts = _facts(clip, classes)
    if step and frames:
        facts["frames"] = [frames[0], frames[-1], step]
    tracks, alone = by_track(clip.boxes.rows())
    regions = [
        _region(f"{TRACK}{track}", boxes, clip, classes, rate, step or 1)
        for track, boxes in sorted(tracks.items())
    ]
    regions += [
        _region(f"box-{k}", [box], clip, classes, rate, step or 1) for k, box in enumerate(alone)
    ]
    return _task({"video": clip.name}, facts, regions, clip.boxes.rows())


def _region(
    name: str,
    boxes: Sequence[LabelledBox],
    clip: LabelledClip,
    classes: Sequence[str],
    rate: float,
    step: int,
) -> dict[str, Any]:
    size, class_id = _known(clip, boxes[0].frame), majority_class(boxes)
    sequence = [
        {
            "frame": box.frame + 1,
            "enabled": box is not run[-1] or box.frame == clip.frame_count - 1,
            "rotation": 0,
            **_percent(box, size),
            "time": round((box.frame + 1) / rate, 6),
            OURS: _properties(box, class_id, classes),
        }
        for run in runs(boxes, step)
        for box in run
    ]
    return {
        "id": name,
        "type": VIDEO,
        "from_name": "box",
        "to_name": "video",
        "original_width": size[1],
        "original_height": size[0],
        "value": {
            "framesCount": clip.frame_count,
            "duration": round(clip.frame_count / rate, 6),
            "sequence": sequence,
            "labels": [classes[class_id]],
        },
    }


def _pictures(clip: LabelledClip, classes: Sequence[str]) -> Iterable[dict[str, Any]]:
    boxes: dict[int, list[LabelledBox]] = {}
    for box in clip.boxes.rows():
        boxes.setdefault(box.frame, []).append(box)
    for position, frame in enumerate(clip.frames.tolist()):
        file, own = clip.file_of(position), boxes.get(frame, [])
        facts = _facts(clip, classes) | {"frame": frame, "file": file}
        if size := clip.size_of(frame):
            facts["size"] = list(size)
        regions = [_rectangle(k, box, clip, classes) for k, box in enumerate(own)]
        yield _task({"image": file}, facts, regions, own)


def _rectangle(
    number: int, box: LabelledBox, clip: LabelledClip, classes: Sequence[str]
) -> dict[str, Any]:
    size = _known(clip, box.frame)
    region = {
        "id": f"box-{number}" if box.track == NO_TRACK else f"{TRACK}{box.track}",
        "type": PICTURE,
        "from_name": "label",
        "to_name": "image",
        "original_width": size[1],
        "original_height": size[0],
        "image_rotation": 0,
        "value": {"rotation": 0, **_percent(box, size), PICTURE: [classes[box.class_id]]},
        "meta": {OURS: _properties(box, box.class_id, classes)},
    }
    return region if box.score is None else region | {"score": box.score}


def _task(
    data: dict[str, Any],
    facts: dict[str, Any],
    regions: Sequence[dict[str, Any]],
    boxes: Sequence[LabelledBox],
) -> dict[str, Any]:
    """Return a task; boxes of a detector are predictions, which a person accepts or corrects."""
    scores = [box.score for box in boxes if box.score is not None]
    task: dict[str, Any] = {"data": data, "meta": {OURS: facts}}
    if scores or any(box.mark is not Mark.NONE for box in boxes):
        mean = round(sum(scores) / len(scores), 4) if scores else None
        return task | {
            "predictions": [{"model_version": MODEL, "score": mean, "result": list(regions)}]
        }
    return task | {"annotations": [{"result": list(regions)}]}


def _facts(clip: LabelledClip, classes: Sequence[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": clip.name, "classes": list(classes)}
    facts["frame_count"] = clip.frame_count
    if clip.size:
        facts["size"] = list(clip.size)
    if clip.frame_rate:
        facts["frame_rate"] = str(clip.frame_rate)
    if clip.split:
        facts["split"] = clip.split
    return facts


def _properties(box: LabelledBox, class_id: int, classes: Sequence[str]) -> dict[str, Any]:
    """Return what Label Studio has no place for."""
    found: dict[str, Any] = {}
    if box.score is not None:
        found["score"] = box.score
    if box.mark is not Mark.NONE:
        found["mark"] = box.mark.name.lower()
    if box.is_occluded:
        found["occluded"] = True
    if box.is_ignored:
        found["ignore"] = True
    if box.class_id != class_id:
        found["class"] = classes[box.class_id]
    if box.attributes:
        found["attributes"] = dict(box.attributes)
    return found


def _percent(box: LabelledBox, size: Size) -> dict[str, float]:
    height, width = size
    left, top, right, bottom = box.box_xyxy
    return {
        "x": round(left / width * 100, DIGITS),
        "y": round(top / height * 100, DIGITS),
        "width": round((right - left) / width * 100, DIGITS),
        "height": round((bottom - top) / height * 100, DIGITS),
    }


def _known(clip: LabelledClip, frame: int) -> Size:
    size = clip.size_of(frame)
    if size is None:
        raise UsageError(
            f"clip '{clip.name}': the size of its frames is not known, and Label Studio's "
            "coordinates are percent of it: give the video or the images"
        )
    return size
