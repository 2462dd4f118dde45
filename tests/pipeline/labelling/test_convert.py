"""framelane labels convert: formats, recordings, images, and mistakes."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result

from detector.labels.findings import Findings
from detector.labels.formats import read_labels, write_labels
from detector.labels.labelled import LabelledSet
from pipeline.commands.framelane import main
from tests.support import labels as made


def framelane(*words: object) -> Result:
    return CliRunner().invoke(main, ["labels", *map(str, words)])


@pytest.fixture(scope="module")
def rotated(data: Path) -> Path:
    """A clip that is turned by its display matrix: 120 frames of 320 x 568 pixels upright."""
    return data / "awkward/portrait_rot90.mp4"


def gt(path: Path, rows: str = "1,1,1,2,10,20,1,1,1\n3,1,4,2,10,20,1,1,1\n") -> Path:
    (path / "gt").mkdir(parents=True)
    (path / "gt/gt.txt").write_text(rows)
    return path


def only(path: Path) -> LabelledSet:
    findings = Findings()
    labels = read_labels(path, findings)
    assert not findings.lines
    return labels


def test_a_recording_says_what_the_labels_do_not(rotated: Path, tmp_path: Path) -> None:
    with av.open(str(rotated)) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        rate = video.average_rate
    stored = frames[0].height, frames[0].width
    done = framelane("convert", gt(tmp_path / "a"), tmp_path / "a.coco.json", "--video", rotated)
    assert done.exit_code == 0, done.output
    clip = only(tmp_path / "a.coco.json").clips[0]
    assert clip.size == stored[::-1] and clip.frame_count == len(frames)
    assert clip.frame_rate == rate and clip.seconds is not None
    times = [float(frame.pts * frame.time_base) for frame in frames[:3]]
    assert np.allclose(clip.seconds, times)


def test_frames_are_extracted_upright_under_the_names_of_the_format(
    rotated: Path, tmp_path: Path
) -> None:
    words = ("--video", rotated, "--images", "png", "--only-objects")
    done = framelane("convert", gt(tmp_path / "a"), tmp_path / "a.yolo.zip", *words)
    assert done.exit_code == 0, done.output
    with ZipFile(tmp_path / "a.yolo.zip") as file:
        images = [name for name in file.namelist() if name.endswith(".png")]
    assert images == [f"images/train/frame_00000{k}.png" for k in (0, 2)]
    clip = only(tmp_path / "a.yolo.zip").clips[0]
    assert clip.boxes.boxes_xyxy.tolist() == [[1, 2, 11, 22], [4, 2, 14, 22]]


def test_labels_behind_the_end_of_the_recording_are_refused(rotated: Path, tmp_path: Path) -> None:
    long = gt(tmp_path / "a", "9999,1,1,2,10,20,1,1,1\n")
    done = framelane("convert", long, tmp_path / "a.coco.json", "--video", rotated)
    assert done.exit_code == 2 and "frame 9998 of clip" in done.output
    assert not (tmp_path / "a.coco.json").exists()


def test_a_variable_frame_rate_stays_in_coco_and_is_refused_for_label_studio(
    data: Path, tmp_path: Path
) -> None:
    video = data / "awkward/vfr.mp4"
    source = gt(tmp_path / "a", "1,1,1,2,10,20,1,1,1\n60,1,1,2,10,20,1,1,1\n")
    done = framelane("convert", source, tmp_path / "a.coco.json", "--video", video)
    assert done.exit_code == 0, done.output
    seconds = only(tmp_path / "a.coco.json").clips[0].seconds
    assert seconds is not None and len({*np.diff(seconds).round(3)}) > 1
    done = framelane("convert", source, tmp_path / "a.labelstudio.json", "--video", video)
    assert done.exit_code == 2 and "variable frame rate" in done.output


def test_images_beside_labels_are_copied_as_they_are(rotated: Path, tmp_path: Path) -> None:
    words = ("--video", rotated, "--images", "jpg", "--only-objects")
    framelane("convert", gt(tmp_path / "a"), tmp_path / "a.coco.zip", *words)
    for name in ("b.yolo.zip", "c.cvat.zip", "d.mot.zip", "e.coco.zip"):
        done = framelane("convert", tmp_path / "a.coco.zip", tmp_path / name)
        assert done.exit_code == 0, done.output
        pixels = []
        for path in (tmp_path / "a.coco.zip", tmp_path / name):
            with ZipFile(path) as file:
                names = [each for each in file.namelist() if each.endswith(".jpg")]
                pixels.append([file.read(each) for each in sorted(names)])
        assert len(pixels[0]) == 2 and pixels[0] == pixels[1]


def test_what_a_format_cannot_say_is_shown(data: Path, tmp_path: Path) -> None:
    write_labels(made.street(data, limit=80), tmp_path / "a.coco.json")
    done = framelane("convert", tmp_path / "a.coco.json", tmp_path / "a.yolo.zip")
    assert done.exit_code == 0
    assert "not kept: YOLO has no place for tracks (.yolo-track has): " in done.output
    done = framelane("convert", tmp_path / "a.coco.json", tmp_path / "a.mot")
    assert "12.5 frames per second become 12" in done.output


def test_several_clips_become_a_file_each_where_a_format_has_one(
    data: Path, tmp_path: Path
) -> None:
    given = made.street(data, limit=80)
    write_labels(given, tmp_path / "a.coco.json")
    done = framelane("convert", tmp_path / "a.coco.json", tmp_path / "a.cvat.xml")
    assert done.exit_code == 2 and "put {clip} into the name" in done.output
    done = framelane("convert", tmp_path / "a.coco.json", tmp_path / "{clip}.cvat.xml")
    assert done.exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("*.xml")) == [
        f"{clip.name}.cvat.xml" for clip in given.clips
    ]


def test_mistakes_end_the_command_unless_they_are_to_be_mended(tmp_path: Path) -> None:
    source = gt(tmp_path / "a", "1,1,1,2,10,20,1,1,1\n2,1,1,2,0,20,1,1,1\n")
    done = framelane("convert", source, tmp_path / "a.coco.json")
    assert done.exit_code == 2 and "gt.txt:2: the box" in done.output and "--mend" in done.output
    assert not (tmp_path / "a.coco.json").exists()
    done = framelane("convert", source, tmp_path / "a.coco.json", "--mend")
    assert done.exit_code == 0 and "mended or left out: " in done.output
    assert only(tmp_path / "a.coco.json").box_count == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b.avi"], "no format has that ending; accepted: .coco.json"),
        (["none", "b.coco.json"], "no such file or folder"),
        (["a", "b.coco.zip", "--images", "jpg"], "give --video, which has the frames"),
        (["a", "b.coco.zip", "--video", "none.mp4"], "none.mp4"),
    ],
)
def test_wrong_words_are_errors_of_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gt(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    done = framelane("convert", *words)
    assert done.exit_code in (1, 2) and message in done.output
    assert done.output.count("\n") == 1
