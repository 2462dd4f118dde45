"""The graph of a network: bytes in, its layers, its head, the best boxes out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from detector.export import folding
from detector.export.contract import BOXES, SCORES, BestRows, Contract, corners, pixels
from detector.export.graph_builder import GraphBuilder
from detector.export.layers import Layers
from detector.yolov7.weights import NetworkWeights

BEFORE_CLASSES = 5  # numbers of a row: x, y, w, h, objectness


class RowLogits(NamedTuple):
    """The rows of all strides before sigmoid: (n, rows, 4), (n, rows, 1) and (n, rows, c)."""

    boxes: str
    objectness: str
    classes: str


class Cells(NamedTuple):
    """How boxes are decoded in the cell of each row, with s for sigmoid:

    centre = first_centres + reaches * s(x, y), size = largest_sizes * s(w, h)^2, in pixels
    """

    first_centres: NDArray[np.float64]  # (rows, 2)
    reaches: NDArray[np.float64]  # (rows, 1)
    largest_sizes: NDArray[np.float64]  # (rows, 2)


def network_graph(
    weights: NetworkWeights, graph: GraphBuilder, contract: Contract, precision: str
) -> ModelProto:
    """Add a network to an empty graph, and return the model that follows the contract.

    precision: of the layers, fp32 or fp16; what comes after the logits is in float32
    """
    dtype = np.dtype(np.float16 if precision == "fp16" else np.float32)
    layers = Layers(graph, weights.arrays, weights.description.activation, dtype)
    features = _features(layers, weights, pixels(graph, dtype))
    return _best_boxes(graph, _logits(layers, weights, features, contract), weights, contract)


def _features(layers: Layers, weights: NetworkWeights, images: str) -> list[str]:
    """Add all rows that the lead heads need, and return the inputs of those."""
    outputs, description = {-1: images}, weights.description
    for number in description.lead_rows()[:-1]:
        row = description.rows[number]
        outputs[number] = layers.row(number, row, [outputs[source] for source in row.inputs])
    return [outputs[source] for source in description.lead_inputs()]


def _logits(
    layers: Layers, weights: NetworkWeights, features: list[str], contract: Contract
) -> RowLogits:
    """Add the head. Rows are ordered by stride, y, x, anchor.

    Boxes, objectness and classes each have a convolution with their part of the head's weights, and
    rows are in the memory order of channels-last tensors. So nothing has to be transposed or
    sliced: with 80 classes that took a tenth of the network's time.
    """
    graph, strides = layers.graph, weights.description.strides
    head, per_cell = f"model.{len(weights.description.rows) - 1}", weights.per_cell
    columns = np.arange(per_cell * (BEFORE_CLASSES + weights.classes)).reshape(per_cell, -1)
    parts = {
        "boxes": columns[:, :4],
        "objectness": columns[:, 4:BEFORE_CLASSES],
        "classes": columns[:, BEFORE_CLASSES:],
    }
    rows: dict[str, list[str]] = {name: [] for name in parts}
    for i, (x, stride) in enumerate(zip(features, strides, strict=True)):
        whole = folding.head_conv(layers.arrays, head, i)
        count = per_cell * _cells_in(contract.size, stride)
        for name, part in parts.items():
            made = layers.convolution(f"{head}.m.{i}.{name}", x, whole.part(part.ravel()))
            floats = made if layers.dtype == np.float32 else graph.op("Cast", made, to=1)
            last = graph.op("Transpose", floats, perm=[0, 2, 3, 1])
            rows[name].append(graph.reshape(last, -1, count, part.shape[1]))
    return RowLogits(
        *(graph.op("Concat", *rows[name], name=f"logits.{name}", axis=1) for name in parts)
    )


def _best_boxes(
    graph: GraphBuilder, logits: RowLogits, weights: NetworkWeights, contract: Contract
) -> ModelProto:
    # Sigmoid keeps the order, so only the best class of a row needs it to rank the rows
    objectness = graph.op("Sigmoid", logits.objectness)
    largest = graph.op("ReduceMax", logits.classes, axes=[2], keepdims=0)
    best_class = graph.op("Sigmoid", largest)
    rank = graph.op("Mul", graph.reshape(objectness, -1, contract.rows), best_class)
    best = BestRows(graph, contract, rank)
    first, reach, size = (
        graph.op("Gather", graph.constant(table), best.places, axis=0)
        for table in _cells(weights, contract)
    )
    shares = graph.op("Sigmoid", best.pick(logits.boxes, 4))
    xy, wh = graph.split(shares, [2, 2], axis=2)
    centre = graph.op("Add", first, graph.op("Mul", xy, reach))
    corners(graph, centre, graph.op("Mul", size, graph.op("Mul", wh, wh)), name=BOXES)
    probabilities = graph.op("Sigmoid", best.pick(logits.classes, contract.classes))
    graph.op("Mul", best.pick(objectness, 1), probabilities, name=SCORES)
    return contract.model(graph)


def _cells(weights: NetworkWeights, contract: Contract) -> Cells:
    """Return the tables of all rows. A centre lies up to half a cell outside of its own."""
    parts = []
    for stride, anchors in zip(weights.description.strides, weights.anchors, strict=True):
        height, width = (side // stride for side in contract.size)
        y, x = np.mgrid[:height, :width]
        corner = np.stack((x, y), axis=-1).reshape(-1, 1, 2)
        first = (corner - 0.5) * stride
        rows = np.broadcast_to(first, (len(first), len(anchors), 2)).reshape(-1, 2)
        sizes = np.tile(4 * anchors, (len(first), 1))
        parts.append(Cells(rows, np.full((len(rows), 1), 2.0 * stride), sizes))
    return Cells(*map(np.concatenate, zip(*parts, strict=True)))


def _cells_in(size: tuple[int, int], stride: int) -> int:
    return (size[0] // stride) * (size[1] // stride)
