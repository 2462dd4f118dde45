"""All errors in a data set are listed, then refused or left out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from trainer.data.data_errors import SHOWN, Findings, Policy
from trainer.data.datasets import YoloSpec, load_dataset

LABELS = {
    "good": "0 .5 .5 .5 .5\n1 .5 .5 .2 .2\n",
    "twice": "0 .5 .5 .5 .5\n0 .5 .5 .5 .5\n",
    "outside": "1 .9 .9 .1 .1\n0 1.1 .5 .4 .5\n0 3 3 .1 .1\n",
    "unknown": "7 .5 .5 .5 .5\n",
    "cut": "0 .5 .5 .5 .5\n",
    "empty": "",
}


@pytest.fixture
def described(tmp_path: Path) -> Path:
    """Return the data.yaml of a data set with an error in nearly every file."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    image = np.random.default_rng(0).integers(0, 256, (100, 200, 3), np.uint8)
    for name, text in LABELS.items():
        cv2.imwrite(str(tmp_path / f"images/{name}.jpg"), image)
        (tmp_path / f"labels/{name}.txt").write_text(text)
    whole = (tmp_path / "images/cut.jpg").read_bytes()
    (tmp_path / "images/cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "images/no.jpg").write_bytes(b"no image")
    (tmp_path / "data.yaml").write_text("names: [a, b]\ntrain: images\n")
    return tmp_path / "data.yaml"


def findings(described: Path, policy: Policy) -> tuple[Findings, object]:
    found = Findings(policy)
    return found, load_dataset([YoloSpec(yolo=described)], ["a", "b"], found)


WRONG = [
    "images/cut.jpg: is cut off",
    "images/no.jpg: not an image",
    "labels/outside.txt:2: the box 1.1 0.5 0.4 0.5 is out of range",
    "labels/outside.txt:3: the box 3 3 0.1 0.1 is out of range",
    "labels/twice.txt:2: the same class and box as in an earlier line",
    "labels/unknown.txt:1: the class 7 is unknown",
]


def test_all_errors_are_refused_at_once_with_file_and_line(described: Path) -> None:
    with pytest.raises(
        UsageError, match=r"6 mistakes in the data; .*'data.mistakes: mend'"
    ) as told:
        findings(described, "refuse")
    for line, wrong in zip(str(told.value).splitlines()[1:], WRONG, strict=True):
        assert line.strip().startswith(f"{described.parent}/{wrong}")


def test_mending_leaves_errors_out_or_cuts_boxes_to_the_image(described: Path) -> None:
    found = Findings("mend")
    data = load_dataset([YoloSpec(yolo=described)], ["a", "b"], found)
    boxes = {
        Path(sample.key).stem: sample.boxes_xyxy.tolist()
        for sample in (data[i] for i in range(len(data)))
    }
    assert len(found.lines) == len(WRONG)
    assert sorted(boxes) == ["empty", "good", "outside", "twice", "unknown"]
    assert len(boxes["good"]) == 2 and boxes["twice"] == [[50, 25, 150, 75]]
    assert boxes["unknown"] == boxes["empty"] == []
    np.testing.assert_allclose(
        boxes["outside"], [[170, 85, 190, 95], [180, 25, 200, 75]], atol=1e-4
    )


def test_labels_of_classes_outside_the_recipe_are_left_out(described: Path) -> None:
    found = Findings("mend")
    data = load_dataset([YoloSpec(yolo=described)], ["b"], found)
    assert "has the class 'a', which is not among the classes to train: b" in found.lines[0]
    classes = {Path(data[i].key).stem: data[i].class_ids.tolist() for i in range(len(data))}
    assert classes["good"] == [0] and classes["twice"] == []


def test_a_long_list_is_shortened_in_the_message_and_complete_in_the_file(tmp_path: Path) -> None:
    many = Findings()
    for number in range(SHOWN + 5):
        many.add(f"mistake {number}")
    with pytest.raises(UsageError, match=rf"mistake {SHOWN - 1}\n  and 5 more$"):
        many.raise_if_refused()
    many.write(tmp_path / "all.txt")
    assert (tmp_path / "all.txt").read_text().splitlines() == many.lines
