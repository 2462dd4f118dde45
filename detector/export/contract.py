"""The two ends of every model: from bytes to pixels, and from rows to the best boxes.

A row is one prediction of a network: a box, and a score for each class. There are thousands per
image. docs/architecture.md describes the contract. All shapes except the batch are constants, so
that runtimes compute no shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike
from onnx import ModelProto

from detector.export.graph_builder import GraphBuilder, tensor

IMAGES, BOXES, SCORES = "images", "boxes", "scores"
PIXELS = "pixels"


@dataclass(frozen=True, slots=True)
class Contract:
    """The sizes in the contract of one model.

    size: (height, width) of the images in pixels; batch: None for a dynamic one
    rows: predictions per image; top_k: how many of them are returned
    """

    size: tuple[int, int]
    classes: int
    rows: int
    top_k: int
    batch: int | None = None

    def model(self, graph: GraphBuilder) -> ModelProto:
        """Return the model of a graph from `images` to `boxes` and `scores`."""
        n = self.batch or "n"
        images = tensor(IMAGES, np.uint8, n, *self.size, 3)
        boxes = tensor(BOXES, np.float32, n, self.top_k, 4)
        scores = tensor(SCORES, np.float32, n, self.top_k, self.classes)
        return graph.model([images], [boxes, scores])


def pixels(graph: GraphBuilder, dtype: DTypeLike = np.float32) -> str:
    """Return (n, 3, h, w) pixels, RGB, 0..1, from the (n, h, w, 3) bytes of the input."""
    kind = tensor("", dtype).type.tensor_type.elem_type
    values = graph.op("Cast", IMAGES, to=kind)  # first: TensorRT accepts bytes only here
    # Divide before transposing: OpenVINO then transposes no bytes, and is 5 % faster
    shares = graph.op("Div", values, graph.constant(255, dtype))
    return graph.op("Transpose", shares, name=PIXELS, perm=[0, 3, 1, 2])


class BestRows:
    """The rows of each image with the highest rank, in descending order.

    places: (n, k) int64, their numbers among the rows of their own image
    """

    def __init__(self, graph: GraphBuilder, contract: Contract, rank: str) -> None:
        """Select the rows; rank: (n, rows), in the order of the rows' best scores."""
        self._graph = graph
        k = graph.constant([contract.top_k])
        _, self.places = graph.ops("TopK", rank, k, results=2, axis=1)
        first_rows = _first_rows(graph, contract, rank)
        self._numbers = graph.op("Add", self.places, first_rows)  # among the rows of all images

    def pick(self, values: str, columns: int) -> str:
        """Return (n, k, columns): these rows of (n, rows, columns).

        Batch and rows become one axis, so that it is a plain Gather, which all runtimes have.
        """
        every_row = self._graph.reshape(values, -1, columns)
        return self._graph.op("Gather", every_row, self._numbers, axis=0)


def _first_rows(graph: GraphBuilder, contract: Contract, rank: str) -> str:
    """Return (n, 1): the number of each image's first row, if all images' rows are counted."""
    if contract.batch:
        return graph.constant(np.arange(contract.batch)[:, None] * contract.rows)
    count = graph.op("Gather", graph.op("Shape", rank), graph.constant(0))
    images = graph.op("Range", graph.constant(0), count, graph.constant(1))
    return graph.reshape(graph.op("Mul", images, graph.constant(contract.rows)), -1, 1)


def corners(graph: GraphBuilder, centre: str, size: str, name: str | None = None) -> str:
    """Return boxes (n, k, 4) xyxy from their centres (n, k, 2) xy and sizes (n, k, 2) wh."""
    half = graph.op("Div", size, graph.constant(2.0))
    lower, upper = graph.op("Sub", centre, half), graph.op("Add", centre, half)
    return graph.op("Concat", lower, upper, axis=2, name=name)
