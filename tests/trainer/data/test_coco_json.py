"""JSON in COCO's format is read as tools write it, and compared with the image files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from detector.labels.coco.fields import MAX_SHOWN, shown
from trainer.data.data_errors import Findings
from trainer.data.datasets import CocoSpec, Joined, load_dataset

HEIGHT, WIDTH = 40, 60
SQUARE = [[5, 5, 15, 5, 15, 25, 5, 25]]


def content() -> dict[str, Any]:
    return {
        "images": [{"id": 5, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 3, "bbox": [1, 2, 10, 20]}],
    }


def load(
    folder: Path, document: object, findings: Findings | None = None, encoding: str = "utf-8"
) -> Joined:
    cv2.imwrite(str(folder / "a.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    (folder / "a.json").write_text(json.dumps(document), encoding=encoding)
    return load_dataset([CocoSpec(coco=folder / "a.json", images=folder)], ["cat"], findings)


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    """Return the content with another value at a path of keys."""
    document: Any = content()
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return dict(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["annotations", 0, "area"], None),
        (["annotations", 0, "area"], "200"),
        (["annotations", 0, "iscrowd"], None),
        (["annotations", 0, "iscrowd"], "0"),
        (["annotations", 0, "bbox"], ["1", "2", "10", "20.0"]),
        (["annotations", 0, "image_id"], "5"),
        (["annotations", 0, "category_id"], 3.0),
        (["annotations", 0, "id"], None),
        (["images", 0, "height"], None),
        (["images", 0, "width"], "60"),
        (["images", 0, "width"], 60.0),
        (["categories", 0, "id"], "3"),
        (["info"], None),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_null_and_text_are_read_where_the_meaning_is_clear(
    tmp_path: Path, path: list[Any], value: Any, encoding: str
) -> None:
    sample = load(tmp_path, changed(path, value), encoding=encoding)[0]
    assert sample.boxes_xyxy.tolist() == [[1, 2, 11, 22]]
    assert sample.areas is not None and sample.areas.tolist() == [200]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (["annotations"], None, "'annotations': null given: a list is expected"),
        (["images"], {}, r"'images': \{\} given: a list is expected"),
        (["images", 0], 7, r"images\[0\]: 7 given: an object is expected"),
        (["images", 0, "file_name"], None, r"images\[0\]: file_name: null given: the name"),
        (["images", 0, "id"], [1], r"images\[0\]: id: \[1\] given: a number or text"),
        (["images", 0, "height"], "high", r'images\[0\]: height: "high" given: a number'),
        (["categories", 0, "name"], None, r"categories\[0\]: name: null given: the name of a"),
        (["annotations", 0, "area"], "big", r'annotation 1: area: "big" given: a number'),
        (["annotations", 0, "area"], float("nan"), "annotation 1: area: NaN given: a number"),
        (["annotations", 0, "iscrowd"], "no", r'annotation 1: iscrowd: "no" given: 0 or 1'),
        (["annotations", 0, "image_id"], None, "annotation 1: image_id: null given"),
        (["annotations", 0, "bbox"], None, "annotation 1: bbox null: x, y, width and height"),
        (["annotations", 0, "bbox"], [1, 2, float("inf"), 3], "annotation 1: bbox .*Infinity"),
    ],
)
def test_another_value_is_named_with_file_and_key(
    tmp_path: Path, path: list[Any], value: Any, complaint: str
) -> None:
    with pytest.raises(UsageError, match=rf"a\.json: .*{complaint}"):
        load(tmp_path, changed(path, value))


def test_an_annotation_without_a_box_has_that_of_its_outline(tmp_path: Path) -> None:
    document = changed(["annotations", 0, "segmentation"], SQUARE)
    document["annotations"][0]["bbox"] = []
    data = load(tmp_path, document)
    assert data[0].boxes_xyxy.tolist() == [[5, 5, 15, 25]]
    assert data.counts.polygons == 1


def sized(height: int, width: int, factor: float = 1) -> dict[str, Any]:
    document = content()
    document["images"][0] |= {"height": height, "width": width}
    document["annotations"][0]["bbox"] = [factor * value for value in (1, 2, 10, 20)]
    document["annotations"].append(
        {"id": 2, "image_id": 5, "category_id": 3, "bbox": [factor * v for v in (3, 3, 6, 6)]}
        | {"iscrowd": 1}
    )
    return document


def test_boxes_are_scaled_with_an_image_that_was_scaled_after_labelling(tmp_path: Path) -> None:
    document = sized(4 * HEIGHT, 4 * WIDTH, factor=4)
    with pytest.raises(UsageError, match=r"image 5 \(a\.png\): 240 x 160 .*the file has 60 x 40"):
        load(tmp_path, document)
    findings = Findings("mend")
    sample = load(tmp_path, document, findings)[0]
    assert sample.boxes_xyxy.tolist() == [[1, 2, 11, 22]]
    assert sample.ignore_xyxy.tolist() == [[3, 3, 9, 9]]
    assert sample.areas is not None and sample.areas.tolist() == [200]
    assert len(findings.lines) == 1


@pytest.mark.parametrize("stated", [(WIDTH, HEIGHT), (HEIGHT, 2 * WIDTH)])
def test_an_image_of_another_shape_than_labelled_is_left_out(
    tmp_path: Path, stated: tuple[int, int]
) -> None:
    with pytest.raises(UsageError, match=r"mend leaves it out, for its shape"):
        load(tmp_path, sized(*stated))
    findings = Findings("mend")
    assert len(load(tmp_path, sized(*stated), findings)) == 0 and len(findings.lines) == 1


@pytest.mark.parametrize("difference", [-1, 1, 7])
def test_a_small_difference_of_size_is_noticed_too(tmp_path: Path, difference: int) -> None:
    with pytest.raises(UsageError, match=r"the file has 60 x 40"):
        load(tmp_path, sized(HEIGHT, WIDTH + difference))


def test_a_file_that_two_images_name_has_the_labels_of_both(tmp_path: Path) -> None:
    document = content()
    document["images"].append(document["images"][0] | {"id": 6})
    document["annotations"].append({"id": 2, "image_id": 6, "category_id": 3, "bbox": [3, 3, 6, 6]})
    with pytest.raises(UsageError, match="the file occurs twice"):
        load(tmp_path, document)
    data = load(tmp_path, document, Findings("mend"))
    assert len(data) == 1 and len(data[0].boxes_xyxy) == 2


def test_an_id_of_two_images_is_refused(tmp_path: Path) -> None:
    document = content()
    document["images"].append(document["images"][0] | {"file_name": "b.png"})
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    with pytest.raises(UsageError, match=r"image 5 \(b\.png\): the id occurs twice"):
        load(tmp_path, document)


def test_a_category_id_with_two_names_is_refused(tmp_path: Path) -> None:
    document = content()
    document["categories"].append({"id": 3, "name": "dog"})
    with pytest.raises(UsageError, match="the id 3 stands for 'cat' and for 'dog'"):
        load(tmp_path, document)


def test_json_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match=r"a\.json: not valid JSON"):
        load_dataset([CocoSpec(coco=tmp_path / "a.json", images=tmp_path)], ["cat"])


def test_a_long_value_is_shortened_in_a_message() -> None:
    assert len(shown(list(range(1000)))) == MAX_SHOWN + 3
