"""A graph that is no detector is refused in two lines: what it is, and what is accepted."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from detector.errors import ModelError
from detector.export.adapters.adapt import adapt_model
from detector.export.adapters.table import ADAPTERS
from tests.support.foreign_graphs import Form, other_graph, write_foreign

FLOAT, BYTES, INT = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64
IMAGES = ("images", FLOAT, (1, 3, 64, 96))
NAMES = {"names": str([f"name {i}" for i in range(52)])}


@pytest.mark.parametrize(
    ("inputs", "outputs", "metadata", "what"),
    [
        ([IMAGES], [("y", (1, 1000))], {}, "is a classifier: it takes images float (1, 3, 64, 96)"),
        ([IMAGES], [("y", (1, 7))], {}, "is a classifier"),
        ([IMAGES], [("y", (1, 84, 126))], {"task": "classify"}, "is a classifier"),
        ([IMAGES], [("y", (1, 116, 126)), ("p", (1, 32, 16, 24))], {}, "is a segmentation network"),
        ([IMAGES], [("y", (1, 84, 126))], {"task": "segment"}, "is a segmentation network"),
        ([IMAGES], [("y", (1, 56, 126))], {}, "is a pose network, or a detector of 52 classes"),
        ([IMAGES], [("y", (1, 378, 57))], {}, "is a pose network, or a detector of 52 classes"),
        ([IMAGES], [("y", (1, 56, 126))], {"task": "pose"}, "is a pose network: it takes"),
        ([IMAGES], [("y", (1, 85, 126))], {"task": "obb"}, "is a network for rotated boxes"),
        ([IMAGES], [("y", (1, 85, 126))], {"task": "depth"}, "is a network for the task 'depth'"),
        (
            [IMAGES, ("depth", FLOAT, (1, 1, 64, 96))],
            [("y", (1, 378, 8))],
            {},
            "is a network with other inputs: it takes images float (1, 3, 64, 96), depth float",
        ),
        (
            [("x", BYTES, (1, 64, 96, 3))],
            [("y", (1, 378, 8))],
            {},
            "is a network with another input: it takes x uint8 (1, 64, 96, 3) and returns y float",
        ),
        ([("x", FLOAT, ("n", 80))], [("y", (1, 10))], {}, "is a network with another input"),
        ([IMAGES], [("y", (1, 3, 8, 12, 8))], {}, "whose boxes are not decoded (export it with"),
        ([IMAGES], [("y", (1, 24, 8, 12)), ("z", (1, 24, 4, 6))], {}, "boxes are not decoded"),
        ([IMAGES], [("y", (1, 200, 8))], {}, "is a network with another head: it takes images"),
        ([IMAGES], [("y", (1, 84, 126)), ("z", (1, 84, 126))], {}, "with another head"),
        ([IMAGES], [("b", (1, 126, 4)), ("s", (1, 126, 80))], {}, "with another head"),
        ([IMAGES], [("boxes", (5, 4)), ("labels", (5,)), ("scores", (5,))], {}, "another head"),
    ],
)
def test_what_is_no_known_detector_is_described(
    inputs: list[tuple[str, int, tuple[int | str, ...]]],
    outputs: list[tuple[str, tuple[int, ...]]],
    metadata: dict[str, str],
    what: str,
    tmp_path: Path,
) -> None:
    raw = other_graph(tmp_path / "raw.onnx", inputs, outputs, metadata)
    with pytest.raises(ModelError) as caught:
        adapt_model(raw, tmp_path / "model.onnx")
    is_, accepted = str(caught.value).splitlines()
    assert is_.startswith(f"'{raw}' is ") and what in is_
    assert f"returns {outputs[0][0]} float ({', '.join(map(str, outputs[0][1]))}" in is_
    assert accepted.startswith("accepted are detectors with one input of float images and one of")
    assert all(each.head in accepted for each in ADAPTERS)
    assert not (tmp_path / "model.onnx").exists()


def test_boxes_beside_probabilities_are_not_taken_for_those_of_detr(tmp_path: Path) -> None:
    raw = write_foreign("DETR", tmp_path / "raw.onnx")
    model = onnx.load(raw)
    (logits,) = (node for node in model.graph.node if node.output[0] == "logits")
    logits.output[0] = "before"
    model.graph.node.append(onnx.helper.make_node("Sigmoid", ["before"], ["logits"]))
    onnx.save(model, raw)
    with pytest.raises(ModelError, match="is a network with another head"):
        adapt_model(raw, tmp_path / "model.onnx")


@pytest.mark.parametrize("head", ["rows", "columns"])
def test_52_classes_are_accepted_if_they_have_names(head: str, tmp_path: Path) -> None:
    raw = write_foreign(head, tmp_path / "raw.onnx", Form(52, metadata=NAMES))
    assert len(adapt_model(raw, tmp_path / "model.onnx").classes) == 52
