"""Adapted graphs of other exporters return the best rows of the original graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from detector.engines import openvino
from detector.errors import ModelError
from detector.export.fp16 import to_half
from detector.export.raw_onnx import adapt_model
from detector.manifest import Manifest, sha256_of
from detector.yolov7.network import Network, deploy
from tests.support.graphs import AXES, raw_file, to_the_letter
from tests.support.random_network import random_network

SIZE = (64, 96)
NAMES = ("person", "bicycle", "car")


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    """Two different images."""
    r = np.random.default_rng(0)
    images = r.integers(0, 255, (2, *SIZE, 3)).astype(np.uint8)
    images[1, :30] //= 3
    return images


@pytest.fixture(scope="module")
def network(images: NDArray[np.uint8]) -> Network:
    return deploy(random_network("yolov7-tiny", images, classes=3, width=0.125))


def best_rows(network: Network, images: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return boxes xyxy and scores, best first, computed from the decoded rows."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        decoded = network.decode(network(pixels)).numpy()
    boxes, scores = [], []
    for rows in decoded:
        score = rows[:, 4:5] * rows[:, 5:]
        order = np.argsort(-score.max(axis=1), kind="stable")
        (cx, cy, w, h), score = rows[order, :4].T, score[order]
        boxes.append(np.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), axis=1))
        scores.append(score)
    return np.array(boxes), np.array(scores)


@pytest.mark.parametrize("axes", list(AXES))
@pytest.mark.parametrize("opset", [11, 12, 17, 18])
def test_an_adapted_graph_returns_the_best_rows_of_the_raw_one(
    axes: str, opset: int, network: Network, images: NDArray[np.uint8], tmp_path: Path
) -> None:
    raw = raw_file(network, tmp_path / "raw.onnx", opset=opset, axes=axes)
    path = tmp_path / "model.onnx"
    size = SIZE if axes == "all open" else None
    manifest = adapt_model(raw, path, class_names=NAMES, size=size, top_k=100)
    engine = openvino.open_engine(path, precision="fp32", threads=1)
    boxes, scores = best_rows(network, images)
    for i, image in enumerate(images):
        found = engine.submit(image[None]).result()
        np.testing.assert_allclose(found.boxes_xyxy[0], boxes[i, :100], atol=0.01)
        np.testing.assert_allclose(found.scores[0], scores[i, :100], atol=1e-5)
    engine.close()
    assert (manifest.max_batch, manifest.dynamic_batch) == (
        (1, False) if axes == "fixed" else (8, True)
    )


def test_each_image_of_a_batch_gets_its_own_rows(
    network: Network, images: NDArray[np.uint8], tmp_path: Path
) -> None:
    raw = raw_file(network, tmp_path / "raw.onnx", axes="open batch")
    path = tmp_path / "model.onnx"
    adapt_model(raw, path, class_names=NAMES)
    found = to_the_letter(path, images)
    boxes, _ = best_rows(network, images)
    np.testing.assert_allclose(found.boxes_xyxy, boxes, atol=0.01)


def test_an_adapted_graph_can_be_converted_to_half_precision(
    network: Network, images: NDArray[np.uint8], tmp_path: Path
) -> None:
    raw, path = raw_file(network, tmp_path / "raw.onnx"), tmp_path / "model.onnx"
    adapt_model(raw, path, class_names=NAMES)
    half = to_half(onnx.load(path))
    assert any(t.data_type == TensorProto.FLOAT16 for t in half.graph.initializer)


def test_the_manifest_has_the_source_of_the_model(network: Network, tmp_path: Path) -> None:
    raw, path = raw_file(network, tmp_path / "raw.onnx"), tmp_path / "model.onnx"
    adapt_model(raw, path, class_names=NAMES)
    manifest = Manifest.beside(path)
    manifest.verify(path)
    assert manifest.classes == NAMES and manifest.source_sha256 == sha256_of(raw)
    assert (manifest.input_size, manifest.strides) == (SIZE, (8, 16, 32))
    assert manifest.tools["exporter"] == "pytorch"


def test_class_names_come_from_the_file_if_it_has_them(network: Network, tmp_path: Path) -> None:
    raw = raw_file(network, tmp_path / "raw.onnx")
    model = onnx.load(raw)
    helper.set_model_props(model, {"names": "{0: 'dog', 1: 'cat', 2: 'cow'}"})
    onnx.save(model, raw)
    assert adapt_model(raw, tmp_path / "a.onnx").classes == ("dog", "cat", "cow")
    helper.set_model_props(model, {"names": "__import__('os').abort()"})
    onnx.save(model, raw)
    assert adapt_model(raw, tmp_path / "b.onnx").classes == ("class 0", "class 1", "class 2")


def test_an_open_size_must_be_given_and_a_fixed_one_cannot_be_changed(
    network: Network, tmp_path: Path
) -> None:
    raw = raw_file(network, tmp_path / "raw.onnx", axes="all open")
    with pytest.raises(
        ModelError, match="leaves the size of its images open: give it with --imgsz"
    ):
        adapt_model(raw, tmp_path / "model.onnx")
    closed = raw_file(network, tmp_path / "closed.onnx")
    with pytest.raises(ModelError, match=r"is made for 64 x 96 \(height x width\), not 32 x 32"):
        adapt_model(closed, tmp_path / "model.onnx", size=(32, 32))


def graph_of(
    path: Path, taken: tuple[int, list[int]], returned: tuple[int, list[int]], opset: int = 17
) -> Path:
    """Write a graph with this input and output that computes nothing useful."""
    pixels = helper.make_tensor_value_info("x", *taken)
    rows = helper.make_tensor_value_info("y", *returned)
    shape = helper.make_tensor("shape", TensorProto.INT64, [len(returned[1])], returned[1])
    zero = helper.make_tensor("value", returned[0], [1], [0])
    node = helper.make_node("ConstantOfShape", ["shape"], ["y"], value=zero)
    graph = helper.make_graph([node], "other", [pixels], [rows], [shape])
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
IMAGES = (FLOAT, [1, 3, 64, 96])


@pytest.mark.parametrize(
    ("taken", "returned", "message"),
    [
        (
            (FLOAT, [1, 64, 96, 3]),
            (FLOAT, [1, 378, 8]),
            r"takes x float \(1, 64, 96, 3\): one inpu",
        ),
        ((HALF, [1, 3, 64, 96]), (FLOAT, [1, 378, 8]), "takes x float16"),
        (IMAGES, (FLOAT, [1, 3, 8, 12, 8]), r"returns y float \(1, 3, 8, 12, 8\): one output"),
        (IMAGES, (FLOAT, [100, 7]), "export it with its grid, and without non-maximum suppression"),
        (
            IMAGES,
            (FLOAT, [1, 84, 8400]),
            "returns 84 rows for 64 x 96, but a YOLOv7 network returns 378",
        ),
    ],
)
def test_another_kind_of_graph_is_refused_with_what_it_returns(
    taken: tuple[int, list[int]], returned: tuple[int, list[int]], message: str, tmp_path: Path
) -> None:
    raw = graph_of(tmp_path / "raw.onnx", taken, returned)
    with pytest.raises(ModelError, match=message):
        adapt_model(raw, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_the_number_of_names_must_be_that_of_the_classes(network: Network, tmp_path: Path) -> None:
    raw = raw_file(network, tmp_path / "raw.onnx")
    with pytest.raises(ModelError, match=r"2 names given, but .* has 3 classes"):
        adapt_model(raw, tmp_path / "model.onnx", class_names=("a", "b"))


def test_an_unknown_opset_is_refused(tmp_path: Path) -> None:
    raw = graph_of(tmp_path / "raw.onnx", IMAGES, (FLOAT, [1, 378, 8]), opset=8)
    with pytest.raises(ModelError, match="has opset 8: export it with one from 9 to 23"):
        adapt_model(raw, tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_file_that_is_not_onnx_is_refused(content: bytes, tmp_path: Path) -> None:
    raw = tmp_path / "raw.onnx"
    raw.write_bytes(content)
    with pytest.raises(ModelError, match="is not an ONNX file, or it is damaged"):
        adapt_model(raw, tmp_path / "model.onnx")
