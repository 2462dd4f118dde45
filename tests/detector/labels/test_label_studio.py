"""Label Studio's JSON, as it exports and imports it."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from detector.errors import UsageError
from detector.labels.draft import ClipDraft, built_set
from detector.labels.findings import Findings
from detector.labels.label_studio.reader import read_label_studio
from detector.labels.label_studio.writer import label_studio_json
from detector.labels.labelled import LabelledBox, LabelledSet, Mark


def read(tasks: Any, findings: Findings | None = None) -> LabelledSet:
    found = findings or Findings()
    data = json.dumps(tasks).encode()
    labels = read_label_studio(data, "a.json", "a", "", (100, 200), found)
    if findings is None:
        assert not found.lines
    return labels


def key(frame: int, x: float = 10, *, enabled: bool = True, **more: Any) -> dict[str, Any]:
    box = {"x": x, "y": 20, "width": 5, "height": 10, "rotation": 0}
    return {"frame": frame, "enabled": enabled, "time": frame / 25, **box, **more}


def task(*sequence: dict[str, Any], **more: Any) -> dict[str, Any]:
    value = {"framesCount": 10, "duration": 0.4, "sequence": list(sequence), "labels": ["car"]}
    region = {"id": "x7", "type": "videorectangle", "value": value | more}
    return {"data": {"video": "/data/upload/1/door.mp4"}, "annotations": [{"result": [region]}]}


def test_a_run_lasts_until_a_keyframe_that_is_not_enabled() -> None:
    clip = read([task(key(1), key(5, 18, enabled=False), key(8, enabled=False))]).clips[0]
    assert clip.name == "door" and clip.frame_count == 10
    assert clip.boxes.frames.tolist() == [0, 1, 2, 3, 4, 7]
    assert clip.boxes.boxes_xyxy[:5, 0].tolist() == [20, 24, 28, 32, 36]
    assert clip.boxes.marks.tolist() == [0, *[Mark.INTERPOLATED] * 3, 0, 0]


def test_a_run_without_an_end_lasts_to_the_last_frame() -> None:
    assert read([task(key(9))]).clips[0].boxes.frames.tolist() == [8, 9]


def labels(**more: Any) -> LabelledSet:
    rows = [
        LabelledBox(frame, (10.0, 20, 30, 40), 0, 2, score=0.5, mark=Mark.DETECTED)
        for frame in (0, 1, 4, 9)
    ]
    draft = ClipDraft("door", rows, set(range(10)), 10, (100, 200), Fraction(25), **more)
    return built_set(["car"], [draft], Findings())


def test_frames_count_from_1_and_the_last_keyframe_of_each_run_is_not_enabled() -> None:
    (written,) = json.loads(label_studio_json(labels()))
    (region,) = written["predictions"][0]["result"]
    assert region["type"] == "videorectangle" and region["value"]["labels"] == ["car"]
    sequence = [(each["frame"], each["enabled"]) for each in region["value"]["sequence"]]
    assert sequence == [(1, True), (2, False), (5, False), (10, True)]
    assert region["value"]["sequence"][1]["time"] == 2 / 25
    first = region["value"]["sequence"][0]
    assert [first[side] for side in ("x", "y", "width", "height")] == [5, 20, 10, 20]


def test_boxes_of_a_detector_are_predictions_and_those_of_a_person_annotations() -> None:
    assert "predictions" in json.loads(label_studio_json(labels()))[0]
    given = labels()
    for each in given.clips:
        each.boxes.scores[:] = np.nan
        each.boxes.marks[:] = 0
    assert "annotations" in json.loads(label_studio_json(given))[0]


def test_a_variable_frame_rate_is_refused_because_boxes_would_move() -> None:
    even = {frame: frame / 25 for frame in range(10)}
    label_studio_json(labels(seconds=even))
    late = {frame: frame / 25 + (0.03 if frame > 6 else 0) for frame in range(10)}
    with pytest.raises(UsageError, match=r"variable frame rate: frame \d is 0\.030 s"):
        label_studio_json(labels(seconds=late))


def test_of_several_annotations_the_last_that_was_not_cancelled_counts() -> None:
    one, two, cancelled = (task(key(k, enabled=False)) for k in (1, 2, 3))
    one["annotations"] += two["annotations"] + cancelled["annotations"]
    one["annotations"][2]["was_cancelled"] = True
    findings = Findings()
    assert read([one], findings).clips[0].boxes.frames.tolist() == [1]
    assert "2 annotations" in findings.notes[0] and not findings.lines


def test_rectangles_of_images_are_pictures_of_one_clip() -> None:
    value = {"x": 10, "y": 20, "width": 5, "height": 10, "rectanglelabels": ["cat"]}
    region: dict[str, Any] = {"id": "k", "type": "rectanglelabels", "value": value}
    region |= {"original_width": 400, "original_height": 200}
    images = ["/data/upload/1/a.jpg", "/data/local-files/?d=set/b%20c.jpg"]
    tasks = [{"data": {"image": name}, "annotations": [{"result": [region]}]} for name in images]
    clip = read(tasks).clips[0]
    assert not clip.is_video and clip.files == ("/data/upload/1/a.jpg", "set/b c.jpg")
    assert clip.boxes.boxes_xyxy.tolist() == [[40, 40, 60, 60]] * 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (task(key(0)), "region x7: frame: frame '0' given: a whole number from 1"),
        (task(key(1, "left")), "x, y, width and height are expected"),  # type: ignore[arg-type]
        (task(key(1), labels=[]), "no label is given"),
        ({"video": "a.mp4", "box": []}, "export as 'JSON', not as 'JSON-MIN'"),
        (7, "a task with 'data' is expected"),
    ],
)
def test_a_wrong_task_is_named_and_the_others_are_read(wrong: Any, message: str) -> None:
    findings = Findings()
    found = read([task(key(1, enabled=False)), wrong], findings)
    assert sum(len(clip.boxes) for clip in found.clips) == 1
    (line,) = findings.lines
    assert re.search(rf"a\.json: task 2.*{re.escape(message)}", line), line
