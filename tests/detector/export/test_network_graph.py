"""The graphs of all networks compute the numbers of the originals, in two runtimes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto

from detector.export.contract import PIXELS, Contract
from detector.export.graph_builder import GraphBuilder, check_model, tensor
from detector.export.network_graph import network_graph
from detector.export.onnx_file import write_model
from detector.hardware.openvino_core import CORE
from tests.support.descriptions import FAMILY
from tests.support.weights import reference_arrays

TOP_K = 300
LOGITS = ("boxes", "objectness", "classes")

Arrays = Mapping[str, NDArray[np.float32]]


def by_onnx_runtime(path: Path, pixels: NDArray[np.float32]) -> Arrays:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {PIXELS: pixels}), strict=True))


def by_openvino(path: Path, pixels: NDArray[np.float32]) -> Arrays:
    compiled = CORE.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = compiled([pixels])
    return {output.any_name: outputs[output] for output in compiled.outputs}


@dataclass(frozen=True, slots=True)
class Original:
    """A network of the family: its file, which takes the pixels of the reference, and the numbers.

    values: samples of the decoded rows, (1, anchors of all strides y x, 5 + classes)
    """

    path: Path
    facts: Mapping[str, Any]
    values: Mapping[str, NDArray[Any]]
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        return int(self.facts["input_size"])

    def pixels(self) -> NDArray[np.float32]:
        r = np.random.default_rng(self.facts["input_seed"])
        return r.uniform(0, 1, (1, 3, self.size, self.size)).astype(np.float32)


@pytest.fixture(scope="module", params=FAMILY)
def original(
    request: pytest.FixtureRequest, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Original]:
    """One network at full width, in the training form if the reference has it."""
    name, form = request.param, FAMILY[request.param][0]
    stem = f"{name}.{'deploy' if form == 'deployed' else form}"
    facts = json.loads((reference / f"{stem}.json").read_text())
    weights = reference_arrays(name, form, classes=facts["nc"], prefix=facts["weight_seed_prefix"])
    size, strides = (facts["input_size"],) * 2, weights.description.strides
    rows = sum(weights.per_cell * (size[0] // s) ** 2 for s in strides)
    graph = GraphBuilder()
    model = network_graph(weights, graph, Contract(size, facts["nc"], rows, TOP_K), "fp32")
    from_pixels_to_logits(model, size)
    check_model(model, graph.weights)
    path = tmp_path_factory.mktemp("original") / "model.onnx"
    write_model(model, graph.weights, path)
    yield Original(path, facts, np.load(reference / f"{stem}.npz"), strides)
    path.unlink()  # up to 600 MB


def from_pixels_to_logits(model: ModelProto, size: tuple[int, int]) -> None:
    """Make a graph take pixels, as the reference has no bytes, and return the logits as well."""
    graph = model.graph
    front = next(i for i, node in enumerate(graph.node) if node.output[0] == PIXELS)
    del graph.node[: front + 1]
    del graph.input[:]
    graph.input.append(tensor(PIXELS, np.float32, 1, 3, *size))
    for name in LOGITS:
        graph.output.append(tensor(f"logits.{name}", np.float32, "n", "rows", "columns"))


def decoded(outputs: Arrays, original: Original) -> NDArray[np.float64]:
    """Decode the logits as the paper says, with rows ordered by stride, anchor, y, x."""
    rows = np.concatenate([outputs[f"logits.{name}"][0] for name in LOGITS], axis=1)
    per_stride, begin = [], 0
    for stride, flat in zip(original.strides, original.facts["anchors"], strict=True):
        side, anchors = original.size // stride, np.reshape(flat, (-1, 2))
        end = begin + side * side * len(anchors)
        cells = rows[begin:end].reshape(side, side, len(anchors), -1).astype(np.float64)
        s, begin = 1 / (1 + np.exp(-cells)), end
        y, x = np.mgrid[:side, :side]
        s[..., 0] = (2 * s[..., 0] - 0.5 + x[..., None]) * stride
        s[..., 1] = (2 * s[..., 1] - 0.5 + y[..., None]) * stride
        s[..., 2:4] = (2 * s[..., 2:4]) ** 2 * anchors
        per_stride.append(s.transpose(2, 0, 1, 3).reshape(-1, s.shape[-1]))
    return np.concatenate(per_stride)


@pytest.mark.parametrize("run", [by_onnx_runtime, by_openvino])
def test_a_graph_returns_the_best_of_the_rows_that_the_original_returns(
    original: Original, run: Callable[[Path, NDArray[np.float32]], Arrays]
) -> None:
    outputs = run(original.path, original.pixels())
    rows, values = decoded(outputs, original), original.values
    assert [1, *rows.shape] == values["decoded_shape"].tolist()
    error = np.abs(rows.ravel()[values["decoded_idx"]] - values["decoded_val"]).max()
    assert error <= 1e-4 * np.abs(values["decoded_val"]).max()

    scores = rows[:, 4:5] * rows[:, 5:]
    order = np.argsort(-scores.max(axis=1), kind="stable")[:TOP_K]
    half = rows[:, 2:4] / 2
    boxes = np.concatenate((rows[:, :2] - half, rows[:, :2] + half), axis=1)
    found = outputs["scores"][0]
    np.testing.assert_allclose(found.max(axis=1), scores[order].max(axis=1), rtol=1e-4)
    # Rows of nearly equal rank may be swapped, so each is compared with the nearest
    nearest = np.abs(outputs["boxes"][0][:, None] - boxes[None]).max(axis=2).argmin(axis=1)
    assert len(set(nearest)) == TOP_K
    np.testing.assert_allclose(outputs["boxes"][0], boxes[nearest], atol=1e-4 * boxes.max())
    np.testing.assert_allclose(found, scores[nearest], rtol=1e-4, atol=1e-6)
