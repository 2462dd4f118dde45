"""Models of foreign files: a whole YOLOv7 as PyTorch exports it, manifests, names, sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from detector.engines import openvino
from detector.errors import ModelError
from detector.export.adapters.adapt import adapt_model
from detector.manifest import Manifest, sha256_of
from detector.yolov7.network import Network, deploy
from tests.support.foreign_graphs import Form, other_graph, write_foreign
from tests.support.graphs import AXES, by_definition, raw_file
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


@pytest.mark.parametrize("axes", list(AXES))
@pytest.mark.parametrize("opset", [11, 18])
def test_a_yolov7_as_pytorch_exports_it_returns_its_best_rows(
    axes: str, opset: int, network: Network, images: NDArray[np.uint8], tmp_path: Path
) -> None:
    raw = raw_file(network, tmp_path / "raw.onnx", opset=opset, axes=axes)
    path = tmp_path / "model.onnx"
    size = SIZE if axes == "all open" else None
    adapt_model(raw, path, class_names=NAMES, size=size, top_k=100)
    engine = openvino.open_engine(path, precision="fp32", threads=1)
    boxes, scores = by_definition(network, images)
    for i, image in enumerate(images):
        found = engine.submit(image[None]).result()
        np.testing.assert_allclose(found.boxes_xyxy[0], boxes[i, :100], atol=0.01)
        np.testing.assert_allclose(found.scores[0], scores[i, :100], atol=1e-5)
    engine.close()


def test_the_manifest_has_the_source_of_the_model(network: Network, tmp_path: Path) -> None:
    raw, path = raw_file(network, tmp_path / "raw.onnx"), tmp_path / "model.onnx"
    adapt_model(raw, path, class_names=NAMES)
    manifest = Manifest.beside(path)
    manifest.verify(path)
    assert manifest.classes == NAMES and manifest.source_sha256 == sha256_of(raw)
    assert (manifest.input_size, manifest.strides) == (SIZE, (8, 16, 32))
    assert manifest.tools["exporter"] == "pytorch"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{0: 'dog', 1: 'cat', 2: 'cow'}", ("dog", "cat", "cow")),
        ("['dog', 'cat', 'cow']", ("dog", "cat", "cow")),
        ("__import__('os').abort()", ("class 0", "class 1", "class 2")),
        ("{0: 'dog', 'a': 'cat'}", ("class 0", "class 1", "class 2")),
        ("(" * 1000, ("class 0", "class 1", "class 2")),
    ],
)
def test_class_names_come_from_the_file_if_it_has_them(
    text: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    raw = write_foreign("rows", tmp_path / "raw.onnx", Form(metadata={"names": text}))
    assert adapt_model(raw, tmp_path / "model.onnx").classes == names


def test_given_names_come_before_those_of_the_file(tmp_path: Path) -> None:
    form = Form(metadata={"names": "['dog', 'cat', 'cow']"})
    raw = write_foreign("columns", tmp_path / "raw.onnx", form)
    assert adapt_model(raw, tmp_path / "model.onnx", class_names=NAMES).classes == NAMES


def test_the_number_of_names_must_be_that_of_the_classes(tmp_path: Path) -> None:
    raw = write_foreign("rows", tmp_path / "raw.onnx")
    with pytest.raises(ModelError, match=r"2 names given, but .* has 3 classes"):
        adapt_model(raw, tmp_path / "model.onnx", class_names=("a", "b"))


@pytest.mark.parametrize("head", ["six", "seven", "counted", "scaled", "DETR in rows of six"])
def test_the_number_of_classes_is_found_in_a_graph_that_returns_one_class_per_object(
    head: str, tmp_path: Path
) -> None:
    raw = write_foreign(head, tmp_path / "raw.onnx", Form(7))
    assert len(adapt_model(raw, tmp_path / "model.onnx").classes) == 7


def test_names_are_asked_for_where_nothing_tells_the_number_of_classes(tmp_path: Path) -> None:
    raw = write_foreign("six", tmp_path / "raw.onnx")
    model = onnx.load(raw)
    for node in model.graph.node:  # the class becomes a number that is computed from nothing
        if node.op_type == "Sub" and node.output[0] == "number":
            node.op_type = "Max"
        elif node.op_type == "Div":
            node.op_type = "Min"
    onnx.save(model, raw)
    with pytest.raises(ModelError, match=r"does not say how many classes there are: name them"):
        adapt_model(raw, tmp_path / "model.onnx")
    assert adapt_model(raw, tmp_path / "model.onnx", class_names=NAMES).classes == NAMES


def test_an_open_size_is_that_of_the_metadata_unless_it_is_given(tmp_path: Path) -> None:
    form = Form(open_size=True, metadata={"imgsz": "[64, 128]"})
    raw = write_foreign("columns", tmp_path / "raw.onnx", form)
    assert adapt_model(raw, tmp_path / "model.onnx").input_size == (64, 128)
    assert adapt_model(raw, tmp_path / "model.onnx", size=(96, 96)).input_size == (96, 96)


def test_an_open_size_must_be_given_and_a_fixed_one_cannot_be_changed(tmp_path: Path) -> None:
    raw = write_foreign("rows", tmp_path / "raw.onnx", Form(open_size=True))
    with pytest.raises(ModelError, match="leaves the size of its images open: give it with --im"):
        adapt_model(raw, tmp_path / "model.onnx")
    closed = write_foreign("rows", tmp_path / "closed.onnx")
    with pytest.raises(ModelError, match=r"is made for 64 x 96 \(height x width\), not 32 x 32"):
        adapt_model(closed, tmp_path / "model.onnx", size=(32, 32))


def test_nodes_in_any_order_are_accepted(tmp_path: Path) -> None:
    raw = write_foreign("columns", tmp_path / "raw.onnx")
    model = onnx.load(raw)
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, raw)
    assert adapt_model(raw, tmp_path / "model.onnx").strides == (8, 16, 32)


def test_weights_in_a_file_of_their_own_become_part_of_the_model(tmp_path: Path) -> None:
    raw = write_foreign("columns", tmp_path / "raw.onnx", Form(classes=500))
    model = onnx.load(raw)
    onnx.save(model, raw, save_as_external_data=True, location="raw.onnx.data", size_threshold=0)
    path = tmp_path / "out" / "model.onnx"
    path.parent.mkdir()
    adapt_model(raw, path)
    onnx.checker.check_model(path)  # it would miss another file
    (tmp_path / "raw.onnx.data").unlink()
    with pytest.raises(ModelError, match=r"weights of .* are in another file, which cannot"):
        adapt_model(raw, path)


def test_an_unknown_opset_is_refused(tmp_path: Path) -> None:
    images = ("x", onnx.TensorProto.FLOAT, (1, 3, 64, 96))
    raw = other_graph(tmp_path / "raw.onnx", [images], [("y", (1, 378, 8))], opset=8)
    with pytest.raises(ModelError, match="has opset 8: export it with one from 9 to 23"):
        adapt_model(raw, tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_file_that_is_not_onnx_is_refused(content: bytes, tmp_path: Path) -> None:
    raw = tmp_path / "raw.onnx"
    raw.write_bytes(content)
    with pytest.raises(ModelError, match="is not an ONNX file, or it is damaged"):
        adapt_model(raw, tmp_path / "model.onnx")
