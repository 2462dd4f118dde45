"""Write an ONNX file while its weights are made, one after the other.

An ONNX file is a protobuf message: a model has a graph, a graph has tensors, a tensor has bytes. A
message inside another is preceded by its length. The lengths follow from the shapes, so the file
can be written from front to back, and memory holds one weight at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto

from detector.export.graph_builder import Weight

LENGTH_DELIMITED = 2  # the wire type of a message or bytes inside a message


class _Tensor(NamedTuple):
    """A tensor of the file: everything in front of its numbers, and their count in bytes."""

    name: str
    weight: Weight
    header: bytes
    data_bytes: int

    @property
    def total_bytes(self) -> int:
        return len(self.header) + self.data_bytes


def write_model(model: ModelProto, weights: Mapping[str, Weight], path: Path) -> None:
    """Write the model with its weights to a file that any ONNX reader accepts.

    model: from GraphBuilder.model; it is not changed
    """
    tensors = [_described(name, weight) for name, weight in weights.items()]
    begins = [_begin(GraphProto.INITIALIZER_FIELD_NUMBER, each.total_bytes) for each in tensors]
    graph = model.graph.SerializeToString()
    others = ModelProto()
    others.CopyFrom(model)
    others.ClearField("graph")
    whole = len(graph) + sum(map(len, begins)) + sum(each.total_bytes for each in tensors)
    with path.open("wb") as file:
        file.write(others.SerializeToString())
        file.write(_begin(ModelProto.GRAPH_FIELD_NUMBER, whole) + graph)
        for begin, each in zip(begins, tensors, strict=True):
            file.write(begin + each.header)
            file.write(_numbers(each))


def _described(name: str, weight: Weight) -> _Tensor:
    data_bytes = math.prod(weight.shape) * weight.dtype.itemsize
    described = TensorProto(name=name, dims=weight.shape, data_type=weight.onnx_type)
    begin = _begin(TensorProto.RAW_DATA_FIELD_NUMBER, data_bytes)
    return _Tensor(name, weight, described.SerializeToString() + begin, data_bytes)


def _numbers(tensor: _Tensor) -> memoryview:
    """Make the weight, and return its bytes, little-endian as ONNX requires."""
    _, weight, _, _ = tensor
    array: NDArray[np.generic] = weight.make()
    assert (array.shape, array.dtype) == (weight.shape, weight.dtype), tensor.name
    return np.asarray(array, weight.dtype.newbyteorder("<"), order="C").data.cast("B")


def _begin(field: int, length: int) -> bytes:
    """Return what precedes a message or bytes inside a message: the field's number, the length."""
    return _varint(field << 3 | LENGTH_DELIMITED) + _varint(length)


def _varint(number: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, the lowest first."""
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
