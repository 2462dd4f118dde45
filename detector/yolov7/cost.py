"""The cost of a network: parameters and operations of its convolutions. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from detector.yolov7.description import Description, Form, Row, read_description
from detector.yolov7.state_shapes import Shape, state_shapes

BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "anchors", "anchor_grid")
FOLDED = (".bn.", ".rbr_1x1.", ".rbr_dense.1.")  # away, for inference


class Cost(NamedTuple):
    """Parameters in millions; GFLOPs per image, two for each multiply-accumulate."""

    parameters: float
    gflops: float


def measure_cost(
    network: str | Path | Description,
    *,
    classes: int = 80,
    size: tuple[int, int] = (640, 640),
    form: Form = "deployed",
) -> Cost:
    """Return the cost of a network.

    network: a name in configs/networks, the path of such a file, or a description
    size: (height, width) of the image
    form: `deployed` counts the folded network of inference; `training` counts one forward pass of
    the network as it is trained
    """
    described = network if isinstance(network, Description) else read_description(network)
    if form == "deployed":
        described = described.deployed()
    shapes = state_shapes(described, classes, width=1.0)
    counted = _folded(shapes) if form == "deployed" else shapes
    parameters = sum(map(math.prod, (s for n, s in counted.items() if not n.endswith(BUFFERS))))
    return Cost(parameters / 1e6, sum(_operations(described, counted, size)) / 1e9)


def _folded(shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return one convolution with bias in place of each with batch normalisation, or two."""
    folded: dict[str, Shape] = {}
    for name, shape in shapes.items():
        if any(part in name for part in FOLDED):
            continue
        folded[name] = shape
        if len(shape) == 4 and name.removesuffix("weight") + "bias" not in shapes:
            folded[name.removesuffix("weight") + "bias"] = shape[:1]
    return folded


def _operations(
    description: Description, shapes: Mapping[str, Shape], size: tuple[int, int]
) -> Iterator[float]:
    """Yield the operations of each convolution."""
    cells = _cells(description, size)
    for name, shape in shapes.items():
        if len(shape) == 4 and name.endswith("weight"):
            _, number, *inside = name.split(".")
            row = description.rows[int(number)]
            at = cells[int(number)]
            if row.operation == "DownC" and inside[0] == "cv1":
                at = cells[row.inputs[0]]  # in front of the layer that halves the size
            elif inside[0] in ("m", "m2"):
                lead = len(description.strides) if inside[0] == "m2" else 0
                at = cells[row.inputs[int(inside[1]) + lead]]
            yield 2 * math.prod(shape) * at


def _cells(description: Description, size: tuple[int, int]) -> dict[int, float]:
    """Return height x width of what each row returns, -1 being the image; not of the head."""
    cells = {-1: float(math.prod(size))}
    for number, row in enumerate(description.rows[:-1]):
        cells[number] = cells[row.inputs[0]] * _zoom(row) ** 2
    return cells | {len(description.rows) - 1: 0.0}


def _zoom(row: Row) -> float:
    """Return the factor on height and width."""
    match row.operation:
        case "Conv":
            return 1 / row.arguments[2]
        case "DownC" | "MP" | "ReOrg":
            return 1 / 2
        case "Upsample":
            return row.arguments[0]
        case _:
            return 1
