"""The layers of YOLOv7 networks as nodes of an ONNX graph, folded for inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.export import folding
from detector.export.folding import Arrays, Convolution
from detector.export.fp16 import as_half
from detector.export.graph_builder import GraphBuilder, Weight
from detector.yolov7.description import Row

LEAK = 0.1  # of the leaky ReLU
POOLS = (5, 9, 13)  # kernels of spatial pyramid pooling


@dataclass(frozen=True, slots=True)
class Layers:
    """Adds layers to a graph. The methods take names of values in the graph, and return them.

    arrays: the weights, by their official names
    activation: after each convolution: leaky_relu or silu
    dtype: of the layers: float32 or float16
    """

    graph: GraphBuilder
    arrays: Arrays
    activation: str
    dtype: np.dtype[Any]

    def row(self, number: int, row: Row, inputs: Sequence[str]) -> str:
        """Add the layer of a row that is not the head."""
        return OPERATIONS[row.operation](self, f"model.{number}", inputs, row.arguments)

    def convolution(self, name: str, x: str, folded: Convolution, stride: int = 1) -> str:
        """Add a convolution that keeps the size, or divides it by `stride`."""
        kernel = folded.shape[2]
        weight = self._weight(f"{name}.weight", folded.shape, folded.weight)
        bias = self._weight(f"{name}.bias", folded.bias.shape, lambda: folded.bias)
        return self.graph.op(
            "Conv",
            x,
            weight,
            bias,
            name=name,
            kernel_shape=[kernel, kernel],
            pads=[kernel // 2] * 4,
            strides=[stride, stride],
        )

    def conv(self, prefix: str, x: str, stride: int = 1) -> str:
        """Convolution, batch normalisation, activation."""
        name = f"{prefix}.conv"
        folded = folding.conv(self.arrays, name, f"{prefix}.bn")
        return self.activated(self.convolution(name, x, folded, stride))

    def rep_conv(self, prefix: str, x: str) -> str:
        """Two convolutions side by side, and an activation."""
        folded = folding.rep_conv(self.arrays, prefix)
        return self.activated(self.convolution(f"{prefix}.rbr_reparam", x, folded))

    def activated(self, x: str) -> str:
        """The activation of this network."""
        if self.activation == "leaky_relu":
            return self.graph.op("LeakyRelu", x, alpha=LEAK)
        return self.graph.op("Mul", x, self.graph.op("Sigmoid", x))

    def sppcspc(self, prefix: str, x: str) -> str:
        """Spatial pyramid pooling on one of two paths, which are then concatenated (CSPNet)."""
        local = x
        for part in ("cv1", "cv3", "cv4"):
            local = self.conv(f"{prefix}.{part}", local)
        pooled = self.concat(local, *(self.max_pool(local, kernel, 1) for kernel in POOLS))
        for part in ("cv5", "cv6"):
            pooled = self.conv(f"{prefix}.{part}", pooled)
        beside = self.conv(f"{prefix}.cv2", x)
        return self.conv(f"{prefix}.cv7", self.concat(pooled, beside))

    def downc(self, prefix: str, x: str) -> str:
        """Halve height and width on two paths: a strided convolution, and max pooling."""
        convolved = self.conv(f"{prefix}.cv2", self.conv(f"{prefix}.cv1", x), stride=2)
        pooled = self.conv(f"{prefix}.cv3", self.max_pool(x, 2, 2))
        return self.concat(convolved, pooled)

    def max_pool(self, x: str, kernel: int, stride: int) -> str:
        """Max pooling; with stride 1 it keeps the size."""
        pad = kernel // 2 if stride == 1 else 0
        return self.graph.op(
            "MaxPool",
            x,
            kernel_shape=[kernel, kernel],
            pads=[pad] * 4,
            strides=[stride, stride],
        )

    def reorg(self, x: str) -> str:
        """Halve height and width: four neighbours become channels, column by column.

        Strided slices, which all runtimes support; the order is not that of SpaceToDepth.
        """
        return self.concat(*(self._every_second(x, *at) for at in ((0, 0), (1, 0), (0, 1), (1, 1))))

    def upsample(self, x: str, factor: int) -> str:
        """Repeat each pixel `factor` times in both directions."""
        scales = self.graph.constant(np.array([1, 1, factor, factor], np.float32))
        return self.graph.op(
            "Resize",
            x,
            "",
            scales,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def concat(self, *inputs: str) -> str:
        """Concatenate along the channels."""
        return self.graph.op("Concat", *inputs, axis=1)

    def _every_second(self, x: str, row: int, column: int) -> str:
        starts, ends = [row, column], [np.iinfo(np.int64).max] * 2
        constants = map(self.graph.constant, (starts, ends, [2, 3], [2, 2]))  # ..., axes, steps
        return self.graph.op("Slice", x, *constants)

    def _weight(self, name: str, shape: tuple[int, ...], make: Callable[[], Any]) -> str:
        def made() -> Any:
            values = make()
            return values.astype(np.float32) if self.dtype == np.float32 else as_half(values, name)

        return self.graph.weight(name, Weight(shape, self.dtype, made))


Operation = Callable[[Layers, str, Sequence[str], Sequence[int]], str]

OPERATIONS: dict[
    str, Operation
] = {  # takes the layers, the prefix of its weights, inputs, arguments
    "Conv": lambda layers, prefix, x, given: layers.conv(prefix, x[0], stride=given[2]),
    "RepConv": lambda layers, prefix, x, _: layers.rep_conv(prefix, x[0]),
    "SPPCSPC": lambda layers, prefix, x, _: layers.sppcspc(prefix, x[0]),
    "DownC": lambda layers, prefix, x, _: layers.downc(prefix, x[0]),
    "ReOrg": lambda layers, _, x, __: layers.reorg(x[0]),
    "MP": lambda layers, _, x, __: layers.max_pool(x[0], 2, 2),
    "SP": lambda layers, _, x, given: layers.max_pool(x[0], given[0], 1),
    "Upsample": lambda layers, _, x, given: layers.upsample(x[0], given[0]),
    "Concat": lambda layers, _, x, __: layers.concat(*x),
    "Shortcut": lambda layers, _, x, __: layers.graph.op("Add", *x),
}
