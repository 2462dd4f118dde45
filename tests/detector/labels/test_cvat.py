"""CVAT's XML: what its importer demands of a file, and how a file is understood."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from detector.errors import UsageError
from detector.labels.cvat.reader import read_cvat
from detector.labels.cvat.writer import cvat_xml
from detector.labels.draft import ClipDraft, built_set
from detector.labels.findings import Findings
from detector.labels.labelled import LabelledBox, LabelledSet, Mark

BOX = (10.0, 20.0, 30.0, 40.0)


def labels(*rows: LabelledBox, count: int = 10, step: int = 1, **more: Any) -> LabelledSet:
    """Return a clip of `count` frames with these boxes."""
    draft = ClipDraft("door", list(rows), set(range(0, count, step)), count, (100, 200), **more)
    return built_set(["person", "car"], [draft], Findings())


def row(frame: int, track: int = 3, class_id: int = 1, **more: Any) -> LabelledBox:
    return LabelledBox(frame, (10.0 + frame, 20.0, 30.0 + frame, 40.0), class_id, track, **more)


def xml(given: LabelledSet) -> ElementTree.Element:
    return ElementTree.fromstring(cvat_xml(given.clips[0], given.classes))


def read(text: str, findings: Findings | None = None) -> LabelledSet:
    found = findings or Findings()
    result = read_cvat(text.encode(), "a.xml", "a", "", found)
    if findings is None:
        assert not found.lines
    return result


def track_xml(*shapes: str, last: int = 9) -> str:
    boxes = "".join(shapes)
    return (
        f"<annotations><meta><task><size>{last + 1}</size></task></meta>"
        f'<track id="0" label="car">{boxes}</track></annotations>'
    )


def shape(frame: int, left: float = 10, *, outside: int = 0, keyframe: int = 1) -> str:
    return (
        f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="{keyframe}" '
        f'xtl="{left}" ytl="20" xbr="{left + 20}" ybr="40"/>'
    )


def test_rule_every_box_has_frame_outside_occluded_and_keyframe() -> None:
    boxes = list(xml(labels(row(0), row(1, is_occluded=True))).iter("box"))
    assert all({"frame", "outside", "occluded", "keyframe"} <= set(box.attrib) for box in boxes)
    assert [box.get("occluded") for box in boxes[:2]] == ["0", "1"]


def test_rule_every_box_is_a_keyframe_because_the_importer_keeps_no_other() -> None:
    given = labels(*(row(k, mark=Mark.INTERPOLATED if k % 2 else Mark.DETECTED) for k in range(6)))
    assert {box.get("keyframe") for box in xml(given).iter("box")} == {"1"}


def test_rule_frames_count_from_0_and_strictly_increase_in_a_track() -> None:
    given = labels(row(4), row(0), row(1), row(8), row(0, track=5))
    for track in xml(given).iter("track"):
        frames = [int(box.get("frame", "")) for box in track.iter("box")]
        assert frames[0] == 0 and all(a < b for a, b in pairwise(frames))


def test_rule_the_first_box_of_a_track_is_not_outside() -> None:
    given = labels(row(3), row(7), row(0, track=-1))
    assert [track[0].get("outside") for track in xml(given).iter("track")] == ["0", "0"]


def test_rule_a_run_ends_with_a_box_outside_one_frame_later() -> None:
    boxes = list(xml(labels(row(0), row(1), row(5))).iter("box"))
    assert [(box.get("frame"), box.get("outside")) for box in boxes] == [
        ("0", "0"),
        ("1", "0"),
        ("2", "1"),
        ("5", "0"),
        ("6", "1"),
    ]


def test_rule_no_box_is_in_a_frame_behind_the_last_of_the_task() -> None:
    root = xml(labels(row(8), row(9)))
    assert root.findtext("meta/task/stop_frame") == "9"
    assert [box.get("frame") for box in root.iter("box")] == ["8", "9"]


def test_rule_frames_of_a_task_with_a_step_are_multiples_of_it() -> None:
    root = xml(labels(row(0), row(5), count=11, step=5))
    assert root.findtext("meta/task/frame_filter") == "step=5"
    assert root.findtext("meta/task/size") == "3"
    assert [box.get("frame") for box in root.iter("box")] == ["0", "5", "10"]


def test_rule_every_label_and_attribute_is_one_of_the_task() -> None:
    given = labels(row(0, score=0.5, mark=Mark.DETECTED), row(1, class_id=0), row(2, track=-1))
    root = xml(given)
    known = {
        (label.findtext("name"), attribute.findtext("name"))
        for label in root.iter("label")
        for attribute in label.iter("attribute")
    }
    used = {
        (track.get("label"), attribute.get("name"))
        for track in root.iter("track")
        for attribute in track.iter("attribute")
    }
    assert used and used <= known
    assert [label.findtext("name") for label in root.iter("label")] == ["person", "car"]


def test_rule_a_track_has_one_label_and_boxes_of_another_class_say_so() -> None:
    given = labels(row(0), row(1, class_id=0), row(2))
    root = xml(given)
    (track,) = root.iter("track")
    assert track.get("label") == "car"
    back = read(ElementTree.tostring(root, "unicode"))
    names = [back.classes[each] for each in back.clips[0].boxes.class_ids]
    assert names == ["car", "person", "car"]


def test_rule_a_box_without_a_track_is_a_track_of_one_frame() -> None:
    root = xml(labels(row(4, track=-1), row(4, track=-1), row(4, track=7)))
    tracks = list(root.iter("track"))
    assert len({track.get("id") for track in tracks}) == 3
    assert [[box.get("frame") for box in track.iter("box")] for track in tracks] == [["4", "5"]] * 3


def test_pictures_are_written_as_cvat_for_images() -> None:
    draft = ClipDraft("set", [row(1)], {0, 1}, 2, (100, 200), is_video=False)
    draft.files = {0: "a.png", 1: "b.png"}
    root = xml(built_set(["person", "car"], [draft], Findings()))
    images = list(root.iter("image"))
    assert [(image.get("name"), len(image)) for image in images] == [("a.png", 0), ("b.png", 1)]
    assert images[0].get("width") == "200" and images[0].get("height") == "100"


def test_control_characters_are_replaced_and_the_file_stays_readable() -> None:
    root = xml(labels(row(0, attributes={"note": "a\x00b\rc<&"})))
    (text,) = {each.text for each in root.iter("attribute") if each.get("name")}
    assert text == "a\ufffdb\rc<&"


def test_between_two_keyframes_the_box_moves_on_a_line() -> None:
    found = read(track_xml(shape(0, 10), shape(4, 18), shape(5, 20, outside=1)))
    boxes = found.clips[0].boxes
    assert boxes.frames.tolist() == [0, 1, 2, 3, 4]
    assert boxes.boxes_xyxy[:, 0].tolist() == [10, 12, 14, 16, 18]
    marks = [Mark.NONE, *[Mark.INTERPOLATED] * 3, Mark.NONE]
    assert boxes.marks.tolist() == marks


def test_a_track_without_an_end_goes_on_to_the_end_of_the_task() -> None:
    boxes = read(track_xml(shape(7))).clips[0].boxes
    assert boxes.frames.tolist() == [7, 8, 9] and len({*map(tuple, boxes.boxes_xyxy)}) == 1


def test_a_box_that_is_no_keyframe_is_an_interpolated_one_whatever_its_attributes_say() -> None:
    copied = '<attribute name="mark">detected</attribute><attribute name="score">0.5</attribute>'
    second = shape(1, keyframe=0).replace("/>", f">{copied}</box>")
    boxes = read(track_xml(shape(0), second, shape(2, outside=1))).clips[0].boxes
    assert boxes.marks.tolist() == [Mark.NONE, Mark.INTERPOLATED]
    assert not (boxes.scores == 0.5).any()


def test_each_task_of_a_project_is_a_clip() -> None:
    text = (
        "<annotations><meta><project><tasks>"
        "<task><id>4</id><name>one</name><size>3</size></task>"
        "<task><id>6</id><name>two</name><size>3</size></task>"
        "</tasks></project></meta>"
        f'<track id="0" label="car" task_id="4">{shape(0)}{shape(1, outside=1)}</track>'
        f'<track id="1" label="car" task_id="6">{shape(2)}</track></annotations>'
    )
    found = read(text)
    assert [(clip.name, clip.boxes.frames.tolist()) for clip in found.clips] == [
        ("one", [0]),
        ("two", [2]),
    ]


def test_a_rotated_box_and_a_polygon_become_the_boxes_around_them() -> None:
    findings = Findings()
    turned = shape(0).replace("/>", ' rotation="90"/>').replace('xbr="30"', 'xbr="50"')
    polygon = '<polygon frame="1" outside="1" points="5,6;9,6;7,16"/>'
    boxes = read(track_xml(turned, polygon), findings).clips[0].boxes
    assert boxes.boxes_xyxy.tolist() == [[20, 10, 40, 50]]
    assert len(findings.notes) == 2 and not findings.lines


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (shape(3).replace('xtl="10"', 'xtl="left"'), r"a\.xml:1: .*xtl, ytl, xbr and ybr"),
        (shape(3).replace('xbr="30.0"', 'xbr="5"').replace('xbr="30"', 'xbr="5"'), "has no area"),
        (shape(3).replace('xtl="10"', 'xtl="nan"'), "not finite"),
        (shape(-3), "frame '-3' given"),
        (shape(0), "has frame 0 twice"),
    ],
)
def test_a_wrong_box_is_named_with_its_line_and_the_others_are_read(
    wrong: str, message: str
) -> None:
    findings = Findings()
    found = read(track_xml(shape(0), shape(1, outside=1), wrong), findings)
    assert found.clips[0].boxes.frames.tolist() == [0]
    (line,) = findings.lines
    assert re.search(message, line), line


ENTITIES = '<!DOCTYPE a [<!ENTITY b "cccccccccc"><!ENTITY d "&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{ENTITIES}<annotations>&d;</annotations>", r"a\.xml:1: a document type .* is refused"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>', "is refused"),
        ("<annotations><track></annotations>", r"a\.xml:1: not well-formed"),
        ("", "not well-formed"),
        ("<a>" * 60, "nested more than 50 deep"),
        ("<dataset/>", "not an XML of CVAT"),
        ('<?xml version="1.0" encoding="klingon"?><annotations/>', "XML"),
    ],
)
def test_a_file_that_is_no_xml_of_cvat_or_holds_entities_is_refused(
    text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read(text)


def test_scores_marks_and_what_is_ignored_are_attributes_and_come_back(tmp_path: Path) -> None:
    rows = [row(0, score=0.25, mark=Mark.LINKED, is_ignored=True), replace(row(1), track=-1)]
    given = labels(*rows)
    back = read(cvat_xml(given.clips[0], given.classes).decode())
    assert back.clips[0].boxes.rows() == given.clips[0].boxes.rows()
