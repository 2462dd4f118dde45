"""YOLO layouts, as Ultralytics' tools, Darknet and CVAT write them."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from detector.errors import UsageError
from detector.labels.findings import Findings
from detector.labels.formats import Hints, read_labels, write_labels
from detector.labels.labelled import NO_TRACK, LabelledSet
from tests.support import labels as made
from trainer.data.data_errors import Findings as TrainingFindings
from trainer.data.yolo import YoloFolder


def folder(path: Path, rows: str, yaml_text: str = "", file: str = "a/frame_000003") -> Path:
    """Write a data set of one image of 40 x 60 pixels."""
    for each in (f"images/train/{file}.png", f"labels/train/{file}.txt"):
        (path / each).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path / f"images/train/{file}.png"), np.zeros((40, 60, 3), np.uint8))
    (path / f"labels/train/{file}.txt").write_text(rows)
    (path / "data.yaml").write_text(yaml_text or "train: images/train\nnames: [cat, dog]\n")
    return path


def read(path: Path, findings: Findings | None = None, hints: Hints | None = None) -> LabelledSet:
    found = findings or Findings()
    labels = read_labels(path, found, hints)
    if findings is None:
        assert not found.lines
    return labels


def test_rows_are_fractions_of_the_image(tmp_path: Path) -> None:
    clip = read(
        folder(tmp_path, "1 0.5 0.5 0.5 0.25\n0 .5 .5 .1 .1 7\n0 .5 .5 .1 .2 0.75\n")
    ).clips[0]
    assert clip.name == "a" and clip.is_video and clip.frames.tolist() == [3]
    first, second, third = clip.boxes.rows()
    assert first.box_xyxy == (15, 15, 45, 25) and first.class_id == 1
    assert (first.track, second.track, third.track) == (NO_TRACK, 7, NO_TRACK)
    assert third.score == 0.75


@pytest.mark.parametrize(
    "yaml_text",
    [
        "path: .\ntrain: images/train\nnames: {0: cat, 1: dog}\n",
        "path: ./\ntrain: [images/train]\nnames: [cat, dog]\n",
        "train: ../images/train\nnames: [cat, dog]\n",
        "train: train.txt\nnames: [cat, dog]\n",
        "path: somewhere/else\ntrain: images/train\nnames: [cat, dog]\n",
    ],
)
def test_images_are_found_as_tools_name_them(yaml_text: str, tmp_path: Path) -> None:
    folder(tmp_path, "1 0.5 0.5 0.5 0.25\n", yaml_text)
    (tmp_path / "train.txt").write_text("data/images/train/a/frame_000003.png\n")
    clip = read(tmp_path).clips[0]
    assert (clip.split, len(clip.boxes), clip.files) == ("train", 1, ("a/frame_000003.png",)) or (
        clip.files == ("frame_000003.png",) and len(clip.boxes) == 1
    )


def test_without_images_the_size_is_given_or_asked_for(tmp_path: Path) -> None:
    folder(tmp_path, "1 0.5 0.5 0.5 0.25\n")
    for image in tmp_path.rglob("*.png"):
        image.unlink()
    findings = Findings()
    assert not len(read(tmp_path, findings).clips[0].boxes)
    assert "the size of its image is not known" in findings.lines[0]
    clip = read(tmp_path, hints=Hints(size=(40, 60))).clips[0]
    assert clip.boxes.boxes_xyxy.tolist() == [[15, 15, 45, 25]]


def test_our_zip_and_folder_are_what_the_trainer_reads(data: Path, tmp_path: Path) -> None:
    given = made.street(data, limit=60)
    image = cv2.imencode(".jpg", np.zeros((432, 768, 3), np.uint8))[1].tobytes()
    write_labels(given, tmp_path / "a.yolo", lambda clip, position: (image, ".jpg"))
    findings = TrainingFindings()
    found = YoloFolder(tmp_path / "a.yolo/data.yaml", "train", given.classes, findings)
    assert len(found) == 180 and found.counts.objects == given.box_count and not findings.lines
    listed = yaml.safe_load((tmp_path / "a.yolo/data.yaml").read_text())
    assert listed["names"] == {0: "person", 1: "bicycle", 2: "car"} and listed["nc"] == 3
    lines = (tmp_path / "a.yolo/train.txt").read_text().splitlines()
    assert len(lines) == 180 and all((tmp_path / "a.yolo" / line).is_file() for line in lines)


def test_rows_have_five_numbers_because_ultralytics_refuses_more(
    data: Path, tmp_path: Path
) -> None:
    write_labels(made.street(data, limit=60), tmp_path / "a.yolo")
    write_labels(made.street(data, limit=60), tmp_path / "a.yolo-track")
    for name, count in (("a.yolo", 5), ("a.yolo-track", 6)):
        rows = [
            line.split()
            for file in (tmp_path / name / "labels").rglob("*.txt")
            for line in file.read_text().splitlines()
        ]
        assert rows and {len(row) for row in rows} == {count}
        assert all(0 <= float(value) <= 1 for row in rows for value in row[1:5])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2 .5 .5 .1 .1", "class 2 is unknown: 0 to 1 are accepted"),
        ("0 .5 .5 .1", "4 numbers given"),
        ("cat .5 .5 .1 .1", "numbers are expected"),
        ("0 .5 .5 0 .1", "has no area"),
        ("0 nan .5 .1 .1", "finite numbers"),
    ],
)
def test_a_wrong_row_is_named_and_the_others_are_read(
    row: str, message: str, tmp_path: Path
) -> None:
    findings = Findings()
    folder(tmp_path, f"0 .5 .5 .1 .1\n{row}\n")
    assert len(read(tmp_path, findings).clips[0].boxes) == 1
    (line,) = findings.lines
    assert re.search(rf"frame_000003\.txt:2: .*{message}", line), line


def test_a_box_beyond_the_image_is_cut_and_an_outline_becomes_its_box(tmp_path: Path) -> None:
    findings = Findings()
    folder(tmp_path, "0 1 .5 .2 .2\n0 .1 .1 .2 .1 .2 .3\n")
    boxes = read(tmp_path, findings).clips[0].boxes.boxes_xyxy
    assert boxes.tolist() == [[54, 16, 60, 24], [6, 4, 12, 12]]
    assert "is cut" in findings.lines[0] and "outlines" in findings.notes[0]


def test_wrong_names_in_data_yaml_are_refused(tmp_path: Path) -> None:
    for names in ("", "names: 3", "names: [[a]]", "names: ['']"):
        folder(tmp_path, "", f"train: images/train\n{names}\n")
        with pytest.raises(UsageError, match=r"data\.yaml: (names|'names')"):
            read(tmp_path)


DATA = "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\n"


def darknet(path: Path, **changed: str | None) -> Path:
    """Write a data set as CVAT exports it: a frame with two boxes, and one without, not shown."""
    (path / "obj_train_data/a").mkdir(parents=True)
    files = {
        "obj.data": f"{DATA}backup = backup/\n",
        "obj.names": "cat\nd\u00f6ner dog\n\n",
        "train.txt": "data/obj_train_data/a/frame_000000.jpg\n"
        "data/obj_train_data/a/frame_000007.jpg\n",
        "obj_train_data/a/frame_000007.txt": "1 .5 .5 .5 .25\n0 .5 .5 .1 .1\n",
    }
    for name, text in (files | changed).items():
        if text is not None:
            (path / name).write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"obj.data": None},
        {"obj.data": DATA.replace(" = ", "=").replace("data/", "C:\\yolo\\data\\")},
        {
            "train.txt": "/home/me/obj_train_data/a/frame_000000.jpg\n"
            "/home/me/obj_train_data/a/frame_000007.jpg\n"
        },
    ],
)
def test_the_older_layout_is_read_as_darknet_and_cvat_arrange_it(
    changed: dict[str, str | None], tmp_path: Path
) -> None:
    labels = read(darknet(tmp_path, **changed), hints=Hints(size=(40, 60)))
    (clip,) = labels.clips
    assert labels.classes == ("cat", "d\u00f6ner dog")
    assert clip.is_video and clip.frames[-1] == 7 and clip.split == "train"
    assert {row.class_id: row.box_xyxy for row in clip.boxes.rows()} == {
        0: (27, 18, 33, 22),
        1: (15, 15, 45, 25),
    }


def test_images_in_the_older_layout_give_their_size_and_valid_is_our_val(tmp_path: Path) -> None:
    image = "obj_train_data/a/frame_000007.jpg"
    darknet(tmp_path, **{"train.txt": None, "valid.txt": f"data/{image}\n"})
    cv2.imwrite(str(tmp_path / image), np.zeros((40, 60, 3), np.uint8))
    (clip,) = read(tmp_path).clips
    assert (clip.split, clip.size_of(0), len(clip.boxes)) == ("val", (40, 60), 2)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("obj.names", "names of the classes are not there: obj.names"),
        ("train.txt", "no list of images is there: train.txt, valid.txt or test.txt"),
    ],
)
def test_a_missing_file_of_the_older_layout_is_named(
    missing: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        read(darknet(tmp_path, **{missing: None}))
