"""COCO data sets are read correctly, and scored as by COCO's own library, crowds included."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detector.detections import Detections
from detector.errors import UsageError
from trainer.data.data_errors import Findings
from trainer.data.datasets import CocoSpec, Joined, load_dataset
from trainer.evaluation.average_precision import METRICS, EvaluatedImage, score

SPLIT = "train2017"  # 32 images, 288 annotations of 41 classes, 4 of them crowds


def annotation_file(data: Path) -> Path:
    return data / f"tinycoco/annotations/instances_{SPLIT}.json"


@pytest.fixture
def truth(data: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(annotation_file(data).read_text())
    return content


def load(data: Path, classes: list[str], findings: Findings | None = None) -> Joined:
    spec = CocoSpec(coco=annotation_file(data), images=data / f"tinycoco/images/{SPLIT}")
    return load_dataset([spec], classes, findings)


def classes_of(truth: dict[str, Any]) -> list[str]:
    return [category["name"] for category in truth["categories"]]


def test_all_annotations_are_read_and_crowds_are_separate(
    data: Path, truth: dict[str, Any]
) -> None:
    loaded, names = load(data, classes_of(truth)), classes_of(truth)
    numbers = {category["id"]: names.index(category["name"]) for category in truth["categories"]}
    assert len(loaded) == len(truth["images"])
    for index, image in enumerate(truth["images"]):
        sample = loaded[index]
        assert Path(sample.key).name == image["file_name"]
        assert sample.image.shape == (image["height"], image["width"], 3)
        for crowd, boxes, class_ids in (
            (0, sample.boxes_xyxy, sample.class_ids),
            (1, sample.ignore_xyxy, sample.ignore_class_ids),
        ):
            annotations = [
                each
                for each in truth["annotations"]
                if each["image_id"] == image["id"] and each["iscrowd"] == crowd
            ]
            assert class_ids is not None
            assert class_ids.tolist() == [numbers[each["category_id"]] for each in annotations]
            xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
            expected = np.array([each["bbox"] for each in annotations]).reshape(-1, 4)
            np.testing.assert_allclose(xywh, expected, atol=1e-3)


def invented(truth: dict[str, Any]) -> dict[int, list[list[float]]]:
    """Return detections (x, y, w, h, score, category) by image: good, bad, and in crowds."""
    rng = np.random.default_rng(0)
    categories = [category["id"] for category in truth["categories"]]
    found: dict[int, list[list[float]]] = {image["id"]: [] for image in truth["images"]}
    for each in truth["annotations"]:
        for _ in range(rng.integers(0, 5) + 6 * each["iscrowd"]):
            x, y, w, h = np.array(each["bbox"]) * np.exp(rng.normal(0, 0.12, 4))
            category = each["category_id"] if rng.random() < 0.8 else rng.choice(categories)
            if each["iscrowd"]:
                x, y, w, h = x + w * rng.random() / 2, y + h * rng.random() / 2, w / 5, h / 5
            row = np.array([x, y, w, h, rng.random(), category], np.float32)
            found[each["image_id"]].append(row.tolist())
    return found


def test_average_precision_equals_that_of_cocos_own_library(
    data: Path, truth: dict[str, Any]
) -> None:
    found, names = invented(truth), classes_of(truth)
    numbers = {category["id"]: names.index(category["name"]) for category in truth["categories"]}
    loaded, evaluated = load(data, names), []
    for index, image in enumerate(truth["images"]):
        sample = loaded[index]
        rows = np.array(found[image["id"]], np.float32).reshape(-1, 6)
        detections = Detections(
            np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:4]]),
            rows[:, 4],
            np.array([numbers[int(category)] for category in rows[:, 5]], np.int64),
        )
        evaluated.append(
            EvaluatedImage(
                "tinycoco",
                sample.image.shape[:2],
                sample.boxes_xyxy,
                sample.class_ids,
                sample.ignore_xyxy,
                detections,
                sample.ignore_class_ids,
                sample.areas,
            )
        )
    mean = score(evaluated, names).mean
    with contextlib.redirect_stdout(io.StringIO()):
        original = COCO(str(annotation_file(data)))
        results = [
            {"image_id": image, "category_id": int(row[5]), "bbox": row[:4], "score": row[4]}
            for image, rows in found.items()
            for row in rows
        ]
        evaluation = COCOeval(original, original.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    expected = evaluation.stats
    ours = [getattr(mean, metric) for metric in METRICS]
    np.testing.assert_allclose(ours, [*expected[:6], expected[8]], atol=1e-6)
    assert mean.ap is not None and mean.ap > 0.1  # the comparison is not trivial


def write(folder: Path, change: dict[str, Any]) -> Path:
    """Write an image of 40 x 60 with a good annotation and one with `change`."""
    cv2.imwrite(str(folder / "a.png"), np.zeros((40, 60, 3), np.uint8))
    good = {"id": 1, "image_id": 5, "category_id": 3, "bbox": [1, 2, 10, 20], "iscrowd": 0}
    content = {
        "images": [{"id": 5, "file_name": "a.png", "height": 40, "width": 60}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}],
        "annotations": [good, good | {"id": 2, "bbox": [5, 5, 9, 9]} | change],
    }
    path = folder / "a.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "complaint", "left"),
    [
        ({"image_id": 6}, r"annotation 2: no image has the id 6", []),
        ({"category_id": 9}, r"annotation 2: no category has the id 9", []),
        ({"bbox": [5, 5, 0, 9]}, r"annotation 2: bbox .*: width and height must be above 0", []),
        ({"bbox": [5, 5, 9]}, r"annotation 2: bbox .*: x, y, width and height are expected", []),
        (
            {"bbox": [50, 5, 20, 9]},
            r"annotation 2: .* reaches beyond .* 60 x 40",
            [[50, 5, 60, 14]],
        ),
        ({"bbox": [90, 5, 20, 9]}, r"annotation 2: .* reaches beyond .* 60 x 40", []),
        ({"bbox": [1, 2, 10, 20]}, r"annotation 2: occurs twice", []),
        ({"category_id": 4}, r"a.json: has the class 'dog', which is not among", []),
    ],
)
def test_a_wrong_annotation_is_named_and_can_be_left_out(
    tmp_path: Path, change: dict[str, Any], complaint: str, left: list[list[float]]
) -> None:
    spec = CocoSpec(coco=write(tmp_path, change), images=tmp_path)
    with pytest.raises(UsageError, match=complaint):
        load_dataset([spec], ["cat"])
    mended = load_dataset([spec], ["cat"], Findings("mend"))
    assert mended[0].boxes_xyxy.tolist() == [[1, 2, 11, 22], *left]


def test_a_missing_image_is_left_out(tmp_path: Path) -> None:
    spec = CocoSpec(coco=write(tmp_path, {}), images=tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"elsewhere/a.png: cannot be read: No such file"):
        load_dataset([spec], ["cat"])
    assert len(load_dataset([spec], ["cat"], Findings("mend"))) == 0


@pytest.mark.parametrize("text", ["{", "[]", '{"images": []}', '{"images": [{}]}'])
def test_a_file_in_another_format_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UsageError, match=r"a\.json: not "):
        load_dataset([CocoSpec(coco=tmp_path / "a.json", images=tmp_path)], ["cat"])
