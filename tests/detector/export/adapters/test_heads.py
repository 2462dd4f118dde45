"""The model of a foreign file finds what the file's own outputs say, decoded in numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from detector.engines import openvino
from detector.export.adapters.adapt import adapt_model
from detector.export.adapters.table import ADAPTERS
from detector.manifest import Manifest
from tests.support.foreign_graphs import HEADS, Form, write_foreign
from tests.support.foreign_twins import Array, Objects, objects_by_hand
from tests.support.paths import ROOT

FORMS = {
    "open batch": Form(),
    "fixed batch, square, channels last, one class": Form(1, (64, 64), batch=2, is_nchw=False),
    "a thousand classes": Form(1000, (32, 64)),
    "float16": Form(half=True),
    "opset 13": Form(opset=13, size=(96, 64)),
}
# (n, k, 4 + classes) and a class for "no object" are recognised by the number of names
NAMED = ("DETR in rows", "DETR with softmax")
HEAD_OF = {  # in tests -> in the table
    "rows": "YOLOv5, v6 and v7",
    "rows of YOLOv6": "YOLOv5, v6 and v7",
    "columns": "YOLOv8, v9, v11 and v12",
    "YOLOX": "YOLOX",
    "YOLOX decoded": "YOLOX",
    "six": "YOLOv10, and rows of six with NMS inside",
    "seven": "YOLOv7 with --end2end",
    "counted": "num_dets with boxes, scores and classes",
    "scaled": "RT-DETR and D-FINE with orig_target_sizes",
    "DETR": "RT-DETR and D-FINE",
    "DETR with softmax": "DETR",
    "RF-DETR": "RF-DETR",
    "DETR in rows": "RT-DETR of Ultralytics before 8.4",
    "DETR in rows of six": "RT-DETR of Ultralytics 8.4",
    "plugin": "TensorRT's NMS plugin",
}


def images_of(form: Form) -> NDArray[np.uint8]:
    """Return images that differ, and whose channels do."""
    r = np.random.default_rng(0)
    images = r.integers(0, 255, (form.batch or 2, *form.size, 3)).astype(np.uint8)
    images[0] //= 2
    images[..., 0] //= 3
    return images


def names_of(head: str, form: Form) -> list[str] | None:
    return [f"name {i}" for i in range(form.classes)] if head in NAMED else None


def assert_same(boxes: Array, scores: Array, wanted: Objects, *, half: bool) -> None:
    """Assert that rows are the wanted ones, best first, and that others are empty.

    Rounding exchanges rows whose scores are almost equal. So each wanted row must be among those
    found, but for the last, which may be exchanged with rows that were not picked.
    """
    pixels, score = (0.5, 4e-3) if half else (2e-3, 1e-5)
    assert (np.diff(scores.max(axis=1)) <= score).all()
    k = min(len(wanted[0]), len(boxes))
    size = 1 + np.abs(wanted[0][:k]).max(axis=1)[:, None]  # a half has 11 bits
    of_box = np.abs(boxes[None] - wanted[0][:k, None]).max(axis=2) / (size / 100 if half else 1)
    of_score = np.abs(scores[None] - wanted[1][:k, None]).max(axis=2)
    distance = np.maximum(of_box / pixels, of_score / score).min(axis=1)
    last = 3 if half or k < len(wanted[0]) else 0
    assert (distance[: k - last] < 1).all()
    np.testing.assert_allclose(scores.max(axis=1)[:k], wanted[1].max(axis=1)[:k], atol=score)
    assert not scores[len(wanted[0]) :].any()


def session_of(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options)


def by_openvino(path: Path, images: NDArray[np.uint8]) -> Iterator[Objects]:
    """Yield boxes and scores of each image, as the engine of the pipeline returns them."""
    engine = openvino.open_engine(path, precision="fp32", threads=1)
    size = engine.manifest.max_batch  # 1 where the batch is open
    for start in range(0, len(images), size):
        found = engine.submit(images[start : start + size]).result()
        yield from zip(found.boxes_xyxy, found.scores, strict=True)
    engine.close()


def test_every_head_of_the_table_is_tested() -> None:
    assert {each.head for each in ADAPTERS} == set(HEAD_OF.values())
    assert set(HEAD_OF) == set(HEADS)


def test_the_docs_have_a_line_for_each_head() -> None:
    text = (ROOT / "docs/foreign.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    pixels = [row.rstrip(" |").rpartition("| ")[2] for row in rows[1:]]
    wanted = {"rgb": "RGB, 0 to 1", "bgr-255": "BGR, 0 to 255", "imagenet": "ImageNet"}
    assert pixels == [wanted[each.pixels] for each in ADAPTERS]


def test_rows_of_two_classes_are_not_taken_for_found_objects(tmp_path: Path) -> None:
    """RT-DETR's (n, queries, 4 + 2) has the shape of (n, k, 6); its description tells it."""
    form = Form(2, metadata={"description": "Ultralytics rtdetr-l model", "names": "['a', 'b']"})
    raw = write_foreign("DETR in rows", tmp_path / "raw.onnx", form)
    manifest = adapt_model(raw, tmp_path / "model.onnx")
    assert manifest.tools["head"] == HEAD_OF["DETR in rows"]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("head", HEADS)
def test_a_model_returns_what_the_head_says(head: str, form: Form, tmp_path: Path) -> None:
    if head == "seven" and form.half:
        form = Form()  # NonMaxSuppression takes no float16
    raw = write_foreign(head, tmp_path / "raw.onnx", form)
    path = tmp_path / "model.onnx"
    manifest = adapt_model(raw, path, class_names=names_of(head, form))
    assert manifest == Manifest.beside(path)
    assert manifest.tools["head"] == HEAD_OF[head]
    assert len(manifest.classes) == form.classes and manifest.input_size == form.size
    assert (manifest.dynamic_batch, manifest.max_batch) == (not form.batch, form.batch or 8)
    assert manifest.precision == ("fp16" if form.half else "fp32")
    images = images_of(form)
    wanted = objects_by_hand(head, raw, images, form)
    session = session_of(path)
    boxes_and_scores = zip(*session.run(None, {"images": images}), strict=True)
    for (boxes, scores), objects in zip(boxes_and_scores, wanted, strict=True):
        assert boxes.shape == (manifest.top_k, 4)
        assert_same(boxes, scores, objects, half=form.half)
    for found, objects in zip(by_openvino(path, images), wanted, strict=True):
        assert_same(*found, objects, half=form.half)


@pytest.mark.parametrize("head", ["rows", "columns", "YOLOX", "six", "DETR"])
def test_a_model_in_half_precision_returns_nearly_the_same(head: str, tmp_path: Path) -> None:
    form = Form()
    raw = write_foreign(head, tmp_path / "raw.onnx", form)
    manifest = adapt_model(raw, tmp_path / "model.onnx", precision="fp16")
    assert manifest.precision == "fp16"
    images = images_of(form)
    session = session_of(tmp_path / "model.onnx")
    wanted = objects_by_hand(head, raw, images, form)
    boxes_and_scores = zip(*session.run(None, {"images": images}), strict=True)
    for (boxes, scores), objects in zip(boxes_and_scores, wanted, strict=True):
        assert_same(boxes, scores, objects, half=True)


@pytest.mark.parametrize(
    ("head", "nms_iou"), [("rows", 0.45), ("columns", 0.45), ("plugin", 0.45), ("YOLOX", 0.45)]
)
def test_nms_is_left_to_the_pipeline_where_the_graph_has_none(
    head: str, nms_iou: float, tmp_path: Path
) -> None:
    raw = write_foreign(head, tmp_path / "raw.onnx")
    assert adapt_model(raw, tmp_path / "model.onnx").nms_iou == nms_iou


@pytest.mark.parametrize("head", ["six", "seven", "counted", "scaled", "DETR", "RF-DETR"])
def test_the_pipeline_suppresses_nothing_where_the_graph_has_suppressed(
    head: str, tmp_path: Path
) -> None:
    raw = write_foreign(head, tmp_path / "raw.onnx")
    assert adapt_model(raw, tmp_path / "model.onnx").nms_iou == 1


@pytest.mark.parametrize("head", ["rows", "columns", "DETR", "six"])
def test_an_open_size_is_closed(head: str, tmp_path: Path) -> None:
    form = Form(size=(128, 192), open_size=True)
    raw = write_foreign(head, tmp_path / "raw.onnx", form)
    manifest = adapt_model(raw, tmp_path / "model.onnx", size=form.size)
    assert manifest.input_size == form.size
    images = images_of(form)
    session = session_of(tmp_path / "model.onnx")
    wanted = objects_by_hand(head, raw, images, form)
    boxes_and_scores = zip(*session.run(None, {"images": images}), strict=True)
    for (boxes, scores), objects in zip(boxes_and_scores, wanted, strict=True):
        assert_same(boxes, scores, objects, half=False)
