"""framelane labels split and merge: clips stay whole, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detector.labels.findings import Findings
from detector.labels.formats import Format, read_labels, write_labels
from detector.labels.labelled import LabelledSet
from pipeline.commands.framelane import main
from tests.support import labels as made


def framelane(*words: object) -> Result:
    done = CliRunner().invoke(main, ["labels", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def street(data: Path) -> LabelledSet:
    return made.street(data, limit=100)


def read(path: Path) -> LabelledSet:
    findings = Findings()
    labels = read_labels(path, findings)
    assert not findings.lines
    return labels


@pytest.mark.parametrize("name", ["s.yolo-track.zip", "s.coco.zip", "s.mot"])
def test_a_folder_or_zip_holds_all_splits(name: str, street: LabelledSet, tmp_path: Path) -> None:
    write_labels(street, tmp_path / "a.coco.json")
    framelane("split", tmp_path / "a.coco.json", tmp_path / name, "--val", "0.3")
    back = read(tmp_path / name)
    splits = {clip.name: clip.split for clip in back.clips}
    assert sorted(splits.values()) == ["train", "train", "val"]
    said = made.said(back, Format.YOLO_TRACK, Format.MOT)
    assert said == made.said(street, Format.YOLO_TRACK, Format.MOT)
    framelane("split", tmp_path / "a.coco.json", tmp_path / f"again-{name}", "--val", "0.3")
    assert {clip.name: clip.split for clip in read(tmp_path / f"again-{name}").clips} == splits


def test_other_formats_have_a_file_for_each_split(street: LabelledSet, tmp_path: Path) -> None:
    write_labels(street, tmp_path / "a.coco.json")
    framelane("split", tmp_path / "a.coco.json", tmp_path / "{split}.coco.json", "--test", "0.3")
    parts = [read(tmp_path / f"{each}.coco.json") for each in ("train", "val", "test")]
    assert [len(part.clips) for part in parts] == [1, 1, 1]
    names = ("train", "val", "test")
    framelane("merge", *(tmp_path / f"{n}.coco.json" for n in names), tmp_path / "m.coco.json")
    back = made.said(read(tmp_path / "m.coco.json"), Format.COCO)
    assert back == made.said(street, Format.COCO)


def test_one_clip_is_not_split_because_its_frames_are_alike(
    street: LabelledSet, tmp_path: Path
) -> None:
    write_labels(LabelledSet(street.classes, street.clips[:1]), tmp_path / "a.coco.json")
    words = ["labels", "split", str(tmp_path / "a.coco.json"), str(tmp_path / "b.yolo")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2 and "frames of one clip are almost the same" in done.output


def test_clips_of_the_same_name_get_a_number_and_classes_are_joined_by_name(
    street: LabelledSet, tmp_path: Path
) -> None:
    write_labels(street, tmp_path / "a.coco.json")
    other = LabelledSet(("car", "person", "bicycle", "dog"), ())
    turned = street.with_classes(other.classes)
    write_labels(turned, tmp_path / "b.mot.zip")
    framelane("merge", tmp_path / "a.coco.json", tmp_path / "b.mot.zip", tmp_path / "c.coco.json")
    back = read(tmp_path / "c.coco.json")
    assert back.classes == ("person", "bicycle", "car", "dog")
    names = [clip.name for clip in street.clips]
    assert [clip.name for clip in back.clips] == [*names, *(f"{name}-2" for name in names)]
    for one, again in zip(back.clips[:3], back.clips[3:], strict=True):
        assert one.boxes.class_ids.tolist() == again.boxes.class_ids.tolist()
