"""datumaro, the library inside CVAT, agrees on every box that we write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector.labels.findings import Findings
from detector.labels.formats import Hints, read_labels, write_labels
from detector.labels.labelled import Boxes, LabelledSet
from tests.support import labels as made
from tests.support.environment import absent
from tests.support.paths import ROOT

PACKAGES = ROOT / "build/datumaro"  # `make datumaro` puts it there
PROGRAM = """
import json, sys
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset

found = {}
for path, name in zip(sys.argv[1::2], sys.argv[2::2]):
    data = Dataset.import_from(path, name)
    classes = [each.name for each in data.categories()[AnnotationType.label]]
    found[name] = [
        [item.id, classes[box.label], box.attributes, *box.points]
        for item in data
        for box in item.annotations
        if box.type == AnnotationType.bbox and not box.attributes.get("outside")
    ]
Dataset.import_from(sys.argv[1], "coco").export("yolo-1.1", "yolo", save_media=False)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def street(data: Path) -> LabelledSet:
    """The longest clip, up to a frame in which tracks were lost and found."""
    labels = made.street(data, limit=200)
    clip = next(each for each in labels.clips if each.name.startswith("person"))
    return LabelledSet(labels.classes, (clip,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("datumaro")


@pytest.fixture(scope="module")
def found(street: LabelledSet, folder: Path) -> dict[str, Any]:
    if not PACKAGES.is_dir():
        absent("datumaro is not there: make datumaro", "REQUIRE_DATUMARO")
    image = cv2.imencode(".jpg", np.zeros((432, 768, 3), np.uint8))[1].tobytes()
    for name in ("a.coco", "a.yolo", "a.mot"):
        write_labels(street, folder / name, lambda clip, position: (image, ".jpg"))
    write_labels(street, folder / "cvat/a.cvat.xml")
    pairs = {"a.coco": "coco", "a.yolo": "yolo", "a.mot": "mot_seq", "cvat": "cvat"}
    words = [word for place, name in pairs.items() for word in (str(folder / place), name)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    boxes: dict[str, Any] = json.loads(done.stdout)
    return boxes


@pytest.mark.parametrize("name", ["coco", "yolo", "mot_seq", "cvat"])
def test_datumaro_reads_every_box(name: str, street: LabelledSet, found: dict[str, Any]) -> None:
    first = 1 if name == "mot_seq" else 0
    boxes = sorted(
        (
            int(item.removeprefix("frame_")) - first,
            label,
            attributes.get("track_id") if name != "yolo" else None,
            *(abs(round(edge, 2)) for edge in points),
        )
        for item, label, attributes, *points in found[name]
    )
    expected = sorted(
        (
            row.frame,
            street.classes[row.class_id],
            row.track if name != "yolo" else None,
            *(round(edge, 2) for edge in row.box_xyxy),
        )
        for row in street.clips[0].boxes.rows()
    )
    assert boxes == expected and len(boxes) > 100


def test_the_older_yolo_layout_that_datumaro_writes_is_read(
    street: LabelledSet, found: dict[str, Any], folder: Path
) -> None:
    assert found
    findings = Findings()
    labels = read_labels(folder / "yolo-1.1", findings, Hints(size=street.clips[0].size))
    assert not findings.lines
    assert labels.classes == street.classes
    boxes, expected = _ordered(labels.clips[0].boxes), _ordered(street.clips[0].boxes)
    np.testing.assert_array_equal(boxes.frames, expected.frames)
    np.testing.assert_array_equal(boxes.class_ids, expected.class_ids)
    assert len(boxes) > 100  # fractions have six decimals: less than .01 pixels of 768
    np.testing.assert_allclose(boxes.boxes_xyxy, expected.boxes_xyxy, rtol=0, atol=0.02)


def _ordered(boxes: Boxes) -> Boxes:
    return boxes[np.lexsort((boxes.boxes_xyxy[:, 0], boxes.class_ids, boxes.frames))]
