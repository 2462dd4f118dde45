"""A file that is written weight by weight is read by ONNX as if it had been saved as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from detector.export.graph_builder import GraphBuilder, Weight, check_model, tensor
from detector.export.onnx_file import write_model

DTYPES = (np.float32, np.float16)


def weight(array: NDArray[Any]) -> Weight:
    return Weight(array.shape, array.dtype, lambda: array)


def sum_of(*arrays: NDArray[Any]) -> tuple[ModelProto, dict[str, Weight]]:
    """Return a model that adds arrays, which are its weights, to its input."""
    graph, total = GraphBuilder(), "x"
    for i, array in enumerate(arrays):
        total = graph.op("Add", total, graph.weight(f"weight {i}", weight(array)))
    graph.op("Identity", total, name="y")
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    x, y = (tensor(name, arrays[0].dtype, *shape) for name in "xy")
    return graph.model([x], [y]), graph.weights


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [1, 60, 63, 64, 127, 16_384])  # lengths of 1, 2 and 3 bytes
def test_onnx_reads_the_numbers_of_every_length(count: int, dtype: type, tmp_path: Path) -> None:
    r = np.random.default_rng(count)
    shapes = ((count,), (2, count), (1, 1))
    arrays: list[NDArray[Any]] = [r.normal(size=shape).astype(dtype) for shape in shapes]
    model, weights = sum_of(*arrays)
    check_model(model, weights)
    write_model(model, weights, tmp_path / "x.onnx")
    read = onnx.load(tmp_path / "x.onnx")
    onnx.checker.check_model(read, full_check=True)
    found = {each.name: numpy_helper.to_array(each) for each in read.graph.initializer}
    for i, array in enumerate(arrays):
        assert found[f"weight {i}"].dtype == dtype
        np.testing.assert_array_equal(found[f"weight {i}"], array)


def test_a_written_file_is_that_of_onnx_itself(tmp_path: Path) -> None:
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((2, 1), np.float32)]
    model, weights = sum_of(*arrays)
    write_model(model, weights, tmp_path / "x.onnx")
    for name, array in zip(weights, arrays, strict=True):
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    read = onnx.load(tmp_path / "x.onnx")
    assert read == model
    (y,) = ReferenceEvaluator(read).run(None, {"x": np.zeros((2, 3), np.float32)})
    np.testing.assert_array_equal(y, [[1, 2, 3], [4, 5, 6]])


def test_weights_are_made_one_after_the_other(tmp_path: Path) -> None:
    made: list[int] = []

    def make(number: int) -> NDArray[np.float32]:
        begun = (tmp_path / "x.onnx").stat().st_size
        made.append(number)
        assert begun >= number * 400_000 - 8192  # those before it are in the file, not in memory
        return np.zeros(100_000, np.float32)

    model, weights = sum_of(*(np.zeros(100_000, np.float32) for _ in range(3)))
    for i, name in enumerate(weights):
        weights[name] = weights[name]._replace(make=lambda i=i: make(i))  # type: ignore[misc]
    write_model(model, weights, tmp_path / "x.onnx")
    assert made == [0, 1, 2]


def test_an_invalid_graph_is_refused_before_any_weight_is_made() -> None:
    def never() -> NDArray[np.float32]:
        raise AssertionError

    graph = GraphBuilder()
    kernel = graph.weight("kernel", Weight((4, 3, 1, 1), np.dtype(np.float32), never))
    graph.op("Conv", "x", kernel, name="y")
    x, y = (tensor(name, np.float32, 1, 2, 8, 8) for name in "xy")  # two channels, not three
    with pytest.raises(onnx.shape_inference.InferenceError):
        check_model(graph.model([x], [y]), graph.weights)
