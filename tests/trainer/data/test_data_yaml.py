"""A data.yaml is read as the tools write it that people export data sets with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from trainer.data.data_yaml import DataYaml

NAMES = "names: [a, b]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three images for training and one for validation."""
    for name in ("images/train/0", "images/train/1", "images/train/2", "images/val/3"):
        file = tmp_path / "set" / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "set"


def described(folder: Path, text: str, encoding: str = "utf-8") -> DataYaml:
    (folder / "data.yaml").write_text(text, encoding=encoding)
    return DataYaml(folder / "data.yaml")


def numbers(folder: Path, text: str, split: str = "train") -> list[str]:
    return [image.stem for image in described(folder, NAMES + text).images(split)]


@pytest.mark.parametrize(
    "text",
    [
        "train: images/train",
        "path:\ntrain: images/train",
        "path: ''\ntrain: images/train",
        "path: .\ntrain: ./images/train",
        "path: images\ntrain: train",
        "path: /content/elsewhere\ntrain: images/train",
        "train: ../images/train",
        "train: ../../images/train/",
        "train: [images/train]",
        "train:\n- images/train/0.jpg\n- images/train/1.jpg\n- images/train",
        "nc: '2'\ntrain: images/train",
        "nc:\ndownload: null\ntrain: images/train",
    ],
)
def test_a_split_may_be_written_in_many_ways(folder: Path, text: str) -> None:
    assert numbers(folder, text) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "line", ["images/train/{}.jpg", "./images/train/{}.jpg", "data/images/train/{}.jpg"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_file_lists_an_image_per_line(folder: Path, line: str, encoding: str) -> None:
    lines = "\r\n".join(line.format(number) for number in (2, 0))
    (folder / "train.txt").write_text(f"{lines}\n\n", encoding=encoding)
    assert numbers(folder, "path: .\ntrain: train.txt") == ["2", "0"]


def test_a_text_file_may_list_absolute_paths_and_those_of_windows(folder: Path) -> None:
    (folder / "train.txt").write_text(f"{folder}/images/val/3.jpg\nimages\\train\\1.jpg\n")
    assert numbers(folder, "train: train.txt") == ["3", "1"]


def test_an_image_that_a_list_names_in_vain_stays_in_it_to_be_reported(folder: Path) -> None:
    (folder / "train.txt").write_text("images/train/0.jpg\nimages/train/gone.jpg\n")
    assert numbers(folder, "train: train.txt") == ["0", "gone"]


@pytest.mark.parametrize("names", ["[a, b]", "{0: a, 1: b}", "{1: b, 0: a}", "{'0': a, '1': b}"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_names_are_a_list_or_numbered(folder: Path, names: str, encoding: str) -> None:
    assert described(folder, f"names: {names}\n", encoding).names == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("names: {0: a, x: b}", r"'names' has the keys 0, 'x': 0 to 1, each once"),
        ("names: {1: a, 2: b}", r"'names' has the keys 1, 2: 0 to 1"),
        ("names:", r"'names': None given: a list of the class names is expected"),
        ("names: [a, null]", r"'names': \['a', None\] given: a list"),
        ("names: a b", r"'names': 'a b' given: a list"),
        (NAMES + "nc: 3", r"'nc' is 3, but 'names' has 2 classes"),
    ],
)
def test_wrong_names_are_shown(folder: Path, text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=rf"data\.yaml: {complaint}"):
        described(folder, text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("val: images/val", r"'train' names no images; keys that may name images: val\. Give one"),
        ("train:\nval: images/val", r"'train' names no images; keys that may name images: val"),
        ("train: 5", r"'train': 5 given: a folder, an image, a \.txt"),
        ("train: [images/train, {a: b}]", r"'train': \{'a': 'b'\} given: a folder"),
        ("path: 3\ntrain: images/train", r"'path': 3 given: a folder is expected"),
        ("train: gone", r"'train' names 'gone', which does not exist: looked for .*set/gone"),
        ("train: images/none", r"'train' names .*images/none, which has no images"),
        (
            "train: train.txt",
            r"train\.txt: 'labels\.csv' given, which is not an image: the path of one image",
        ),
        ('train: "a\\0b"', r"'train' names .* does not exist"),
        (f"train: {'n' * 300}", r"'train' names .* does not exist"),
    ],
)
def test_a_wrong_split_is_shown_with_what_is_accepted(
    folder: Path, text: str, complaint: str
) -> None:
    (folder / "images/none").mkdir()
    (folder / "train.txt").write_text("labels.csv\n")
    with pytest.raises(UsageError, match=complaint):
        numbers(folder, text)


def test_other_keys_may_hold_anything(folder: Path) -> None:
    extra: Any = "roboflow: {license: CC}\n1: 2\nkpt_shape: [17, 3]\ntrain: images/train"
    assert len(numbers(folder, extra)) == 3
