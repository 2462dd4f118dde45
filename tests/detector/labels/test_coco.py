"""COCO's JSON with videos: what pycocotools reads of ours, and what we read of others."""

from __future__ import annotations

import contextlib
import io
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

from detector.errors import UsageError
from detector.labels.coco.reader import read_coco_labels
from detector.labels.findings import Findings
from detector.labels.formats import write_labels
from detector.labels.labelled import NO_TRACK, LabelledSet, Mark
from tests.support import labels as made


def read(content: Any, findings: Findings | None = None) -> LabelledSet:
    found = findings or Findings()
    labels = read_coco_labels(json.dumps(content).encode(), "a.json", "a", "", found)
    if findings is None:
        assert not found.lines
    return labels


def coco(*annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    whole = [
        {"id": k, "image_id": 5, "category_id": 3, "bbox": [1, 2, 10, 20], **each}
        for k, each in enumerate(annotations)
    ]
    images = [{"id": 5, "file_name": "frame_000007.png", "height": 40, "width": 60}]
    return {
        "images": images,
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": whole,
    } | more


def test_pycocotools_reads_every_box_of_the_street_clips(data: Path, tmp_path: Path) -> None:
    given = made.street(data)
    write_labels(given, tmp_path / "a.coco.json")
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(str(tmp_path / "a.coco.json"))
    names = {k: each["name"] for k, each in found.cats.items()}
    boxes = {
        (
            found.imgs[each["image_id"]]["file_name"],
            names[each["category_id"]],
            each["track_id"],
            *(round(value, 6) for value in each["bbox"]),
        )
        for each in found.anns.values()
    }
    expected = set()
    for clip in given.clips:
        for row in clip.boxes.rows():
            left, top, right, bottom = row.box_xyxy
            file = f"{clip.name}/frame_{row.frame:06d}.jpg"
            sides = round(right - left, 6), round(bottom - top, 6)
            expected.add((file, given.classes[row.class_id], row.track, left, top, *sides))
    assert boxes == expected and len(found.anns) == 1729 and len(found.imgs) == 2230


def test_files_named_as_frames_are_a_video_as_cvat_exports_it() -> None:
    clip = read(coco({"attributes": {"track_id": 4, "occluded": True, "keyframe": False}})).clips[0]
    assert clip.is_video and clip.frames.tolist() == [7] and clip.size == (40, 60)
    (row,) = clip.boxes.rows()
    assert (row.frame, row.track, row.is_occluded, row.mark) == (7, 4, True, Mark.INTERPOLATED)
    assert row.box_xyxy == (1, 2, 11, 22) and row.attributes == {}


def test_other_files_are_the_pictures_of_one_folder() -> None:
    images = [{"id": k, "file_name": f"{k}.jpg"} for k in (5, 6)]
    clip = read(coco({}, images=images)).clips[0]
    assert not clip.is_video and clip.files == ("5.jpg", "6.jpg") and len(clip.boxes) == 1


def test_images_with_a_video_id_are_frames_of_that_video() -> None:
    content = coco(
        {"track_id": 9, "score": 0.5},
        {"image_id": 6, "instance_id": "red car"},
        images=[
            {"id": 5, "file_name": "x/1.jpg", "video_id": 1, "frame_id": 10},
            {"id": 6, "file_name": "y/1.jpg", "video_id": 2, "frame_index": 4},
        ],
        videos=[
            {"id": 1, "name": "x", "fps": 12.5, "width": 60, "height": 40},
            {"id": 2, "name": "y"},
        ],
    )
    one, other = read(content).clips
    assert (one.name, one.frame_rate, one.size) == ("x", Fraction(25, 2), (40, 60))
    assert one.boxes.frames.tolist() == [10] and other.boxes.frames.tolist() == [4]
    assert one.boxes.tracks.tolist() == [9] and one.boxes.scores.tolist() == [0.5]
    assert other.boxes.tracks.tolist() == [10]  # the next free number


def test_two_boxes_of_a_track_in_a_frame_are_both_kept_and_noted() -> None:
    findings = Findings()
    boxes = read(coco({"track_id": 4}, {"track_id": 4}), findings).clips[0].boxes
    assert boxes.tracks.tolist() == [4, NO_TRACK]
    assert "track 4 has two boxes" in findings.lines[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bbox": [1, 2, 0, 5]}, "annotation 0: the box 1, 2, 1, 7 .* has no area"),
        ({"bbox": [1, 2, 3]}, "annotation 0: bbox .* x, y, width and height"),
        ({"image_id": 8}, "annotation 0: no image has the id 8"),
        ({"category_id": 8}, "annotation 0: no category has the id 8"),
        ({"bbox": [1, 2, 1e300, 5]}, "annotation 0: .* beyond all images"),
    ],
)
def test_a_wrong_annotation_is_named_and_the_others_are_read(
    wrong: dict[str, Any], message: str
) -> None:
    findings = Findings()
    assert len(read(coco(wrong, {}), findings).clips[0].boxes) == 1
    (line,) = findings.lines
    assert re.search(message, line), line


@pytest.mark.parametrize("text", ["", "[1", '"a"', '{"images": []}', "[" * 100_000])
def test_a_file_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"a\.json: not"):
        read_coco_labels(text.encode(), "a.json", "a", "", Findings())
