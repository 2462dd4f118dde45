"""MOTChallenge's ground truth: its layouts, and the files that tools expect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detector.labels.findings import Findings
from detector.labels.formats import read_labels, write_labels
from detector.labels.labelled import LabelledSet
from tests.support import labels as made
from trackers.motchallenge.sequences import read_info
from trackers.motchallenge.text import read_mot


def read(path: Path, findings: Findings | None = None) -> LabelledSet:
    found = findings or Findings()
    labels = read_labels(path, found)
    if findings is None:
        assert not found.lines
    return labels


def write(path: Path, text: str, info: str = "") -> Path:
    (path / "gt").mkdir(parents=True)
    (path / "gt/gt.txt").write_text(text)
    if info:
        (path / "seqinfo.ini").write_text(info)
    return path


def test_our_own_layout_of_the_street_clips_is_read_as_its_text_says(data: Path) -> None:
    findings = Findings()
    found = read(data / "street", findings)
    given = made.street(data)
    assert found.classes == given.classes and not findings.lines
    for one, other in zip(found.clips, given.clips, strict=True):
        assert [(r.frame, r.track, r.class_id, r.box_xyxy) for r in one.boxes.rows()] == [
            (r.frame, r.track, r.class_id, r.box_xyxy) for r in other.boxes.rows()
        ]
    assert findings.notes  # the regions to ignore have no place here


def test_our_trackers_read_what_is_written(data: Path, tmp_path: Path) -> None:
    given = made.street(data)
    write_labels(given, tmp_path / "a.mot")
    for clip in given.clips:
        file = tmp_path / "a.mot" / clip.name / "gt/gt.txt"
        rows = read_mot(file, with_classes=True)
        assert rows.ids.tolist() == clip.boxes.tracks.tolist()
        assert (rows.frames - 1).tolist() == clip.boxes.frames.tolist()
        assert abs(rows.boxes_xyxy - clip.boxes.boxes_xyxy).max() < 1e-6
        assert (rows.class_ids - 1).tolist() == clip.boxes.class_ids.tolist()
        info = read_info(file)
        assert info and info.length == clip.frame_count


def test_mot17_has_its_classes_by_number_and_boxes_that_do_not_count(tmp_path: Path) -> None:
    info = "[Sequence]\nname=MOT17-02\nframeRate=30\nseqLength=9\nimWidth=60\nimHeight=40\n"
    text = "3,7,1,2,10,20,1,1,0.5\n3,8,1,2,10,20,0,7,1\n"
    clip = read(write(tmp_path / "x", text, info)).clips[0]
    assert (clip.name, clip.size, clip.frame_count) == ("MOT17-02", (40, 60), 9)
    one, other = clip.boxes.rows()
    assert one.frame == 2 and one.attributes == {"visibility": 0.5} and not one.is_ignored
    assert other.is_ignored
    assert read(tmp_path / "x").classes == ("pedestrian", "static person")


def test_mot15_has_no_classes(tmp_path: Path) -> None:
    found = read(write(tmp_path, "1,1,1,2,10,20,1,-1,-1,-1\n"))
    assert found.classes == ("pedestrian",) and found.clips[0].boxes.rows()[0].attributes == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0,1,1,2,10,20,1,1,1", "frame '0' given: a whole number from 1"),
        ("1.5,1,1,2,10,20,1,1,1", r"frame '1\.5' given"),
        ("1,x,1,2,10,20,1,1,1", "numbers are expected"),
        ("1,-2,1,2,10,20,1,1,1", "id -2 given"),
        ("1,2,3", "frame,id,x,y,w,h"),
        ("1,1,1,2,0,20,1,1,1", "has no area"),
        ("1,1,1,2,10,20,1,99,1", "class 99 is unknown: 1 to 13"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_are_read(
    line: str, message: str, tmp_path: Path
) -> None:
    findings = Findings()
    found = read(write(tmp_path, f"2,1,1,2,10,20,1,1,1\n{line}\n"), findings)
    assert len(found.clips[0].boxes) == 1
    (noted,) = findings.lines
    assert re.search(rf"gt\.txt:2: .*{message}", noted), noted
