"""Chosen frames come back from a tool as the only ones that a person has looked at."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from detector.labels.findings import Findings
from detector.labels.formats import read_labels
from detector.labels.labelled import Boxes, LabelledBox, LabelledClip, LabelledSet
from pipeline.commands.framelane import main
from pipeline.selection.select import written
from trainer.data.data_errors import Findings as DataFindings
from trainer.data.labelled_set import LabelledPart

CHOSEN = (2, 3, 9)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of ten frames, each with its number times 20 as grey level."""
    path = tmp_path_factory.mktemp("recording") / "door.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(10):
            grey = np.full((48, 64, 3), 20 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="bgr24")))
        out.mux(stream.encode(None))
    return path


def chosen() -> LabelledSet:
    """Return labels of three frames with a track from the first to the last of them."""
    boxes = [LabelledBox(frame, (frame, 1.0, 20.0, 30.0), 0, track=7) for frame in CHOSEN]
    clip = LabelledClip(
        "door", Boxes.of(boxes), np.array(CHOSEN), 10, size=(48, 64), frame_rate=Fraction(10)
    )
    return LabelledSet(("person",), (clip,))


@pytest.mark.parametrize("name", ["a.cvat.zip", "a.coco.zip", "a.yolo.zip", "a.coco"])
def test_a_training_sees_the_chosen_frames_and_no_others(
    name: str, video: Path, tmp_path: Path
) -> None:
    output = tmp_path / name
    written(chosen(), str(video), output)
    part = LabelledPart(output, ("person",), DataFindings())
    assert len(part) == 3
    for k, frame in enumerate(CHOSEN):
        sample = part[k]
        assert abs(float(sample.image.mean()) - 20 * frame) < 4
        np.testing.assert_allclose(sample.boxes_xyxy, [[frame, 1, 20, 30]], atol=1e-3)


def test_frames_are_chosen_although_a_box_is_wrong_and_the_user_is_told(
    video: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "gt/gt.txt"
    labels.parent.mkdir()
    labels.write_text("1,7,1,1,20,30,1,1,1\n4,7,1,1,0,30,1,1,1\n8,7,1,1,20,30,1,1,1\n")
    words = ["labels", "select", str(tmp_path), "--video", str(video), "--count", "2"]
    first, second = (CliRunner().invoke(main, words) for _ in range(2))
    assert first.exit_code == 0 and first.stdout == second.stdout
    frames = [int(line) for line in first.stdout.splitlines()]
    assert len(frames) == 2 and frames == sorted(set(frames))
    assert f"mended or left out: {labels}:2: " in first.stderr


@pytest.mark.parametrize("name", ["a.cvat.xml", "a.cvat.zip", "a.coco.json"])
def test_the_chosen_frames_are_found_in_their_recording_again(
    name: str, video: Path, tmp_path: Path
) -> None:
    output = tmp_path / name
    written(chosen(), str(video), output)
    part = LabelledPart(output, ("person",), DataFindings(), video=video)
    assert len(part) == 3
    for k, frame in enumerate(CHOSEN):
        assert abs(float(part[k].image.mean()) - 20 * frame) < 4
        np.testing.assert_allclose(part[k].boxes_xyxy, [[frame, 1, 20, 30]], atol=1e-3)


def test_cvat_gets_pictures_under_the_names_of_their_frames(video: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.cvat.zip"
    written(chosen(), str(video), output)
    with zipfile.ZipFile(output) as packed:
        document = ET.fromstring(packed.read("annotations.xml"))
        images = [image.get("name") for image in document.iter("image")]
        assert images == [f"frame_{frame:06d}.jpg" for frame in CHOSEN]
        assert not list(document.iter("track"))
        for name in images:
            data = np.frombuffer(packed.read(f"images/{name}"), np.uint8)
            decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
            assert decoded is not None and decoded.shape == (48, 64, 3)


def test_a_single_file_for_cvat_has_the_same_pictures(video: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.cvat.xml"
    written(chosen(), str(video), output)
    (clip,) = read_labels(output, Findings()).clips
    assert len(clip.frames) == len(clip.boxes) == 3
    assert clip.boxes.tracks.tolist() == [7, 7, 7]
