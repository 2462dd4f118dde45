"""Build an ONNX graph node by node: each operation returns the name of its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

OPSET = 17  # TensorRT 8.5 (JetPack 5) and newer read it
IR_VERSION = 8  # of the file format: the one of that opset


class Weight(NamedTuple):
    """A large tensor that is made when the file is written, so that not all are in memory.

    make: returns an array of this shape and type
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    make: Callable[[], NDArray[Any]]

    @property
    def onnx_type(self) -> int:
        """The type's number in ONNX."""
        return int(helper.np_dtype_to_tensor_dtype(self.dtype))


class GraphBuilder:
    """The nodes, constants and weights of a graph, in the order in which they were added."""

    def __init__(self) -> None:
        self.weights: dict[str, Weight] = {}
        self._nodes: list[NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], TensorProto] = {}
        self._counts: Counter[str] = Counter()

    def op(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node with one result; `name` names both."""
        return self._add(kind, inputs, [name or self._numbered(kind)], attributes)[0]

    def ops(self, kind: str, *inputs: str, results: int, **attributes: Any) -> list[str]:
        """Add a node with several results."""
        node = self._numbered(kind)
        names = [f"{node}_{i}" for i in range(results)]
        return self._add(kind, inputs, names, attributes)

    def split(self, x: str, lengths: Sequence[int], axis: int) -> list[str]:
        """Add a node that cuts `x` into pieces of these lengths along an axis."""
        return self.ops("Split", x, self.constant(lengths), results=len(lengths), axis=axis)

    def reshape(self, x: str, *shape: int) -> str:
        """Add a node that changes the shape; -1 stands for what remains."""
        return self.op("Reshape", x, self.constant(shape))

    def constant(self, values: ArrayLike, dtype: DTypeLike | None = None) -> str:
        """Return the name of a small constant; equal ones are stored once.

        dtype: by default int64 for whole numbers and float32 for others
        """
        array = np.asarray(values, dtype)
        if dtype is None:
            array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, self._numbered("constant"))
        return str(self._constants[key].name)

    def weight(self, name: str, weight: Weight) -> str:
        """Declare a weight, and return its name."""
        assert name not in self.weights, name
        self.weights[name] = weight
        return name

    def model(
        self, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
    ) -> ModelProto:
        """Return the model without the tensors of its weights (see onnx_file)."""
        graph = helper.make_graph(
            self._nodes, "framelane", inputs, outputs, list(self._constants.values())
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="framelane"
        )

    def _add(
        self, kind: str, inputs: Sequence[str], outputs: list[str], attributes: dict[str, Any]
    ) -> list[str]:
        self._nodes.append(helper.make_node(kind, inputs, outputs, outputs[0], **attributes))
        return outputs

    def _numbered(self, kind: str) -> str:
        self._counts[kind] += 1
        return f"{kind}_{self._counts[kind]}"


def tensor(name: str, dtype: DTypeLike, *shape: int | str) -> ValueInfoProto:
    """Return the description of an input or output; a text in the shape is an open dimension."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, shape)


def check_model(model: ModelProto, weights: dict[str, Weight]) -> None:
    """Raise onnx's ValidationError or InferenceError for a model that is not valid.

    The weights are declared as inputs, so that none is made for it.
    """
    declared = ModelProto()
    declared.CopyFrom(model)
    declared.graph.input.extend(
        tensor(name, weight.dtype, *weight.shape) for name, weight in weights.items()
    )
    onnx.checker.check_model(declared, full_check=True)
