"""Labels are found where tools put them, counted, and missed if there are none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from trainer.data.data_errors import Findings
from trainer.data.datasets import YoloSpec, load_dataset, load_evaluation_data, load_training_data

BOX = "0 .5 .5 .5 .5\n"


def data_set(folder: Path, images: str, labels: str, texts: list[str | None]) -> YoloSpec:
    """Write an image for each text, which is its label file."""
    for name in (images, labels):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        cv2.imwrite(str(folder / images / f"{number}.png"), np.zeros((40, 60, 3), np.uint8))
        if text is not None:
            (folder / labels / f"{number}.txt").write_text(text)
    (folder / "data.yaml").write_text(f"names: [a, b]\ntrain: {images}\n")
    return YoloSpec(yolo=folder / "data.yaml")


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("images/train", "labels/train"),
        ("train/images", "train/labels"),
        ("images/train/images", "images/train/labels"),
        ("images/set", "images/set"),
        ("images/a/images", "labels/a/images"),
        ("photos", "photos"),
    ],
)
def test_labels_are_in_a_folder_called_labels_or_beside_the_images(
    tmp_path: Path, images: str, labels: str
) -> None:
    data = load_dataset([data_set(tmp_path, images, labels, [BOX, BOX])], ["a", "b"])
    assert [len(data[i].boxes_xyxy) for i in range(2)] == [1, 1]


def test_images_objects_and_images_without_labels_are_counted(tmp_path: Path) -> None:
    outline = "1 .1 .1 .5 .1 .3 .7\n"
    spec = data_set(tmp_path, "images", "labels", [BOX, BOX + outline, "", None])
    data = load_dataset([spec.model_copy(update={"repeat": 3})], ["a", "b"])
    assert len(data) == 12
    assert str(data.counts) == (
        "4 images, 3 objects, 1 of them outlines, taken as boxes, 2 without labels"
    )


def test_an_outline_becomes_its_bounding_box(tmp_path: Path) -> None:
    spec = data_set(tmp_path, "images", "labels", ["1 .25 .5 .75 .5 .5 1.00000005 .5 .6\n"])
    sample = load_dataset([spec], ["a", "b"])[0]
    np.testing.assert_allclose(sample.boxes_xyxy, [[15, 20, 45, 40]], atol=1e-4)
    assert sample.class_ids.tolist() == [1]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0 .1 .1 .5 .1 .3 2", "the outline from .* to 0.5 2 is out of range"),
        ("0 .1 .1 .5 .1 .3 .1", "the outline has no area"),
        ("0 .1 .1 .5 .1 .3", "5 numbers are expected, 6 given"),
        ("0 .1 .1 .5 .1 .3 .1 .2", "5 numbers are expected, 8 given"),
        ("0 .5 .5 1.0005 .2", "the box 0.5 0.5 1.0005 0.2 is out of range"),
    ],
)
def test_a_wrong_outline_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    spec = data_set(tmp_path, "images", "labels", [BOX, line])
    with pytest.raises(UsageError, match=rf"1\.txt:1: .*{complaint}.*'data\.mistakes: mend'"):
        load_dataset([spec], ["a", "b"])


def test_a_number_that_rounding_moved_beyond_the_image_is_no_mistake(tmp_path: Path) -> None:
    spec = data_set(tmp_path, "images", "labels", ["0 .5 .5 1.0000005 1\n"])
    assert load_dataset([spec], ["a", "b"])[0].boxes_xyxy.tolist() == [[0, 0, 60, 40]]


def test_no_label_file_at_all_is_refused_with_the_places(tmp_path: Path) -> None:
    spec = data_set(tmp_path, "images/x", "annotations/x", [BOX, BOX])
    complaint = r"none of 2 images has a label file: looked for .*/labels/x/0\.txt and .*/images/x"
    with pytest.raises(UsageError, match=complaint):
        load_dataset([spec], ["a", "b"])


def test_data_without_any_object_cannot_be_trained_on_even_if_mended(tmp_path: Path) -> None:
    for texts in (["", ""], [None, None], ["0 .5 .5 .1 .1 .1", ""]):
        spec = data_set(tmp_path, "images", "labels", list(texts))
        with pytest.raises(UsageError, match="2 images, 0 objects, 2 without labels: there is"):
            load_training_data([spec], ["a", "b"], Findings("mend"))
    assert load_dataset([spec], ["a", "b"], Findings("mend")).counts.objects == 0


def test_an_image_whose_labels_cannot_be_read_is_not_background(tmp_path: Path) -> None:
    spec = data_set(tmp_path, "images", "labels", [BOX, BOX])
    (tmp_path / "labels/0.txt").write_bytes(b"0 .5 .5 .5 .5 \xe9\n")
    findings = Findings("mend")
    data = load_dataset([spec], ["a", "b"], findings)
    assert len(data) == 1 and len(findings.lines) == 1


def test_data_of_which_no_image_is_left_cannot_be_evaluated_on(tmp_path: Path) -> None:
    spec = data_set(tmp_path, "images", "labels", [BOX])
    (tmp_path / "images/0.png").write_bytes(b"no image")
    assert len(load_dataset([spec], ["a", "b"], Findings("mend"))) == 0
    with pytest.raises(UsageError, match="no image can be used"):
        load_evaluation_data([spec], ["a", "b"], Findings("mend"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_labels_may_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    spec = data_set(tmp_path, "images", "labels", [BOX])
    (tmp_path / "labels/0.txt").write_text(BOX, encoding=encoding)
    assert load_dataset([spec], ["a", "b"]).counts.objects == 1
