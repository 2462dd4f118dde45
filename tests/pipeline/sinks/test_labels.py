"""Labels of a run: what annotation tools are given, and what is left when a run fails."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from detector.labels.findings import Findings
from detector.labels.formats import Format, Hints, read_labels
from detector.labels.labelled import LabelledClip, Mark
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from pipeline.sinks import SinkError, make_sink
from tests.support import footage
from tests.support.labels import NAMES


def frames(count: int = 6) -> Iterator[Tracked]:
    """Yield frames of which each second one has two tracks and a box without one."""
    for item in footage.noise(range(count), Fraction(1, 25)):
        seen = footage.tracks(7, 8, -1) if item.frame.index % 2 else footage.tracks()
        yield replace(item, tracks=seen)


def written(path: Path, items: Iterator[Tracked] | None = None, **options: object) -> LabelledClip:
    """Write the labels of frames, and read them."""
    sink = make_sink(str(path), classes=footage.CLASSES, options=options)
    footage.record(sink, items or frames())
    findings = Findings()
    labels = read_labels(path, findings, Hints(size=(48, 64)))
    assert not findings.lines and labels.classes == footage.CLASSES
    return labels.clips[0]


@pytest.mark.parametrize("each", Format)
def test_every_format_has_the_boxes_of_the_run(each: Format, tmp_path: Path) -> None:
    clip = written(tmp_path / NAMES[each])
    rows = clip.boxes.rows()
    assert [(row.frame, row.class_id) for row in rows if row.frame == 1] == [(1, 1), (1, 2), (1, 2)]
    expected = [(10.13 + k, 20, 30.5 + k, 40) for k in range(3)]
    assert np.allclose([row.box_xyxy for row in rows if row.frame == 3], expected)
    assert len(rows) == 9 and clip.frames.tolist() == list(range(6))
    if each is not Format.YOLO:
        assert clip.boxes.track_ids == [7, 8]
    if each in (Format.COCO, Format.CVAT, Format.LABEL_STUDIO):
        assert {(row.score, row.mark) for row in rows} == {(0.8765, Mark.DETECTED)}
        assert clip.size == (48, 64)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("a.coco.zip", "images/default/frame_000003.jpg"),
        ("a.cvat.zip", "images/frame_000003.jpg"),
        ("a.yolo.zip", "images/train/frame_000003.jpg"),
        ("a.mot.zip", "img1/000004.jpg"),
    ],
)
def test_frames_are_beside_the_labels_under_the_names_that_tools_expect(
    name: str, image: str, tmp_path: Path
) -> None:
    written(tmp_path / name, images="jpg")
    with ZipFile(tmp_path / name) as file:
        images = [each for each in file.namelist() if each.endswith(".jpg")]
        decoded = cv2.imdecode(np.frombuffer(file.read(image), np.uint8), cv2.IMREAD_COLOR)
    assert len(images) == 6 and image in images and np.asarray(decoded).shape == (48, 64, 3)


def test_png_has_the_pixels_of_the_frame_without_boxes(tmp_path: Path) -> None:
    items = list(frames())
    written(tmp_path / "a.yolo", iter(items), images="png")
    image = cv2.imread(str(tmp_path / "a.yolo/images/train/frame_000005.png"))
    assert np.array_equal(np.asarray(image), items[5].frame.picture.bgr)


def test_every_third_frame_and_only_those_with_objects(tmp_path: Path) -> None:
    clip = written(tmp_path / "a.coco.zip", frames(10), images="jpg", every=3)
    assert clip.frames.tolist() == [0, 3, 6, 9]
    clip = written(tmp_path / "b.coco.zip", frames(10), images="jpg", only_objects=True)
    assert clip.frames.tolist() == [1, 3, 5, 7, 9]
    with ZipFile(tmp_path / "b.coco.zip") as file:
        assert sum(name.endswith(".jpg") for name in file.namelist()) == 5


@pytest.mark.parametrize("name", ["a.coco.json", "a.cvat.xml", "a.yolo.zip", "a.labelstudio.json"])
def test_pictures_of_a_folder_keep_their_names(name: str, tmp_path: Path) -> None:
    files = tuple(f"day/{k}.png" for k in range(6))
    stream = Stream("set", "set", Fraction(1, 25), files=files)
    items = (replace(item, frame=replace(item.frame, stream=stream)) for item in frames())
    clip = written(tmp_path / name, items)
    assert not clip.is_video and clip.files == files and len(clip.boxes) == 9


@pytest.mark.parametrize("name", ["a.coco.json", "a.yolo.zip", "a.yolo"])
def test_a_run_that_fails_leaves_its_labels_in_a_file_that_says_so(
    name: str, tmp_path: Path
) -> None:
    sink = make_sink(str(tmp_path / name), classes=footage.CLASSES, options={})
    for item in frames():
        sink.process(item)
    sink.close()
    (left,) = tmp_path.iterdir()
    assert left.name == name.replace("a.", "a.incomplete.", 1)
    assert len(read_labels(left, Findings()).clips[0].boxes) == 9


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.yolo").mkdir()
    (tmp_path / "a.yolo/mine.txt").write_text("precious")
    sink = make_sink(str(tmp_path / "a.yolo"), classes=footage.CLASSES, options={})
    with pytest.raises(SinkError, match=r"cannot write '.*a\.yolo': Directory not empty"):
        footage.record(sink, frames())
    assert [each.name for each in (tmp_path / "a.yolo").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.coco.json", {"images": "jpg"}, "images cannot be beside one file: end the name in"),
        ("a.yolo.zip", {"images": "gif"}, "images: 'gif' given"),
        ("a.yolo.zip", {"every": 0}, "every: 0 given: a number from 1"),
    ],
)
def test_options_that_cannot_be_met_are_refused_before_the_run(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_sink(name, classes=(), options=options)


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.yolo.zip", "b.yolo.zip"):
        written(tmp_path / name, images="jpg")
    one, other = (io.BytesIO((tmp_path / f"{k}.yolo.zip").read_bytes()) for k in "ab")
    assert one.getvalue() == other.getvalue()
