"""YOLOv7: build a network from a description, and fold it for inference.

After Wang, Bochkovskiy and Liao, "YOLOv7: Trainable bag-of-freebies sets new state-of-the-art for
real-time object detectors", 2022. Parameters carry the names of the official checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from detector.yolov7.description import Description, Form, Row, read_description
from detector.yolov7.heads import Detect, IAuxDetect, IDetect
from detector.yolov7.layers import (
    ACTIVATIONS,
    SPPCSPC,
    Activation,
    Concat,
    Conv,
    DownC,
    ReOrg,
    RepConv,
    Shortcut,
)
from detector.yolov7.state_shapes import row_channels
from detector.yolov7.weights import Array, NetworkWeights


class Step(NamedTuple):
    """A row as it runs: the rows it reads, and those that no later row reads."""

    row: int
    inputs: tuple[int, ...]
    finished: tuple[int, ...]


class Network(nn.Module):
    """A YOLOv7 network: images in, raw heads out; `decode` turns them into boxes."""

    def __init__(
        self, description: Description, classes: int, width: float, layers: list[nn.Module]
    ) -> None:
        super().__init__()
        self.description, self.classes, self.width = description, classes, width
        self.model = nn.ModuleList(layers)
        rows = dict(enumerate(description.rows))
        head = len(rows) - 1
        inference = {i: rows[i] for i in description.lead_rows()}
        inference[head] = rows[head]._replace(inputs=description.lead_inputs())
        self._steps = {True: _steps(rows), False: _steps(inference)}  # by `training`

    @property
    def name(self) -> str:
        """The name of its description."""
        return self.description.name

    @property
    def head(self) -> Detect:
        """The last layer."""
        return cast(Detect, self.model[-1])

    @property
    def anchors(self) -> Tensor:
        """(layers, anchors, 2): width and height in pixels."""
        return self.head.anchor_grid[:, 0, :, 0, 0, :]

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels per cell of each layer's grid."""
        return self.head.strides

    @property
    def folded(self) -> bool:
        """Whether it was made by `deploy`."""
        return not any(isinstance(part, nn.BatchNorm2d) for part in self.modules())

    def weights(self) -> NetworkWeights:
        """Return its weights as arrays, which share the memory of those on a CPU."""
        assert not self.folded, "a deployed network has other weights than its description"
        state = {name: value.detach().cpu().numpy() for name, value in self.state_dict().items()}
        return NetworkWeights(self.description, self.classes, self.width, state)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the raw heads, (n, anchors, h, w, 5 + c) per stride.

        In training mode a network with auxiliary heads returns the lead heads, then as many
        auxiliary heads, per stride; in evaluation mode auxiliary heads are not computed.

        images: (n, 3, height, width) float, RGB, 0..1; sides are multiples of the largest stride.
        """
        return cast("list[Tensor]", self.head(*self.features(images)))

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the inputs of the head: (n, channels, h, w) per stride, as in `forward`."""
        outputs: dict[int, Any] = {-1: images}
        *steps, head = self._steps[self.training]
        for step in steps:
            outputs[step.row] = self.model[step.row](*[outputs[s] for s in step.inputs])
            for source in step.finished:  # free outputs that no later row reads
                del outputs[source]
        return [outputs[source] for source in head.inputs]

    def decode(self, heads: Sequence[Tensor]) -> Tensor:
        """Return (n, rows, 5 + c): cx, cy, w, h in pixels of the input, then probabilities."""
        return self.head.decode(heads)


def _steps(rows: dict[int, Row]) -> list[Step]:
    last_use = {source: i for i, row in rows.items() for source in row.inputs}
    return [
        Step(i, row.inputs, tuple(source for source in last_use if last_use[source] == i))
        for i, row in rows.items()
    ]


def build_network(
    network: str | Path | Description,
    *,
    classes: int = 80,
    width: float = 1.0,
    form: Form = "training",
) -> Network:
    """Return a new network with random weights.

    network: the name of a file in configs/networks, the path of such a file, or a description
    width: factor on the channels of every layer, rounded up to a multiple of 8
    form: `deployed` has neither auxiliary heads nor implicit knowledge, like official checkpoints
    for inference; it still has batch normalisation, which `deploy` folds
    Raises ModelError for an unknown name, or rows that do not form a network.
    """
    described = network if isinstance(network, Description) else read_description(network)
    if form == "deployed":
        described = described.deployed()
    channels = row_channels(described, width)
    activation = ACTIVATIONS[described.activation]
    layers: list[nn.Module] = []
    for i, row in enumerate(described.rows[:-1]):
        layers.append(_make_layer(row, channels[row.inputs[0]], channels[i], activation))
    head = described.rows[-1]
    make_head = {"Detect": Detect, "IDetect": IDetect, "IAuxDetect": IAuxDetect}[head.operation]
    sizes = [channels[source] for source in head.inputs]
    layers.append(make_head(sizes, classes, described.anchors, described.strides))
    return Network(described, classes, width, layers)


def network_of(weights: NetworkWeights) -> Network:
    """Return a network with copies of these weights, in float32 and in training mode."""
    with torch.device("meta"):  # random weights would be replaced at once
        network = build_network(weights.description, classes=weights.classes, width=weights.width)
    state = {name: torch.tensor(_as_trained(array)) for name, array in weights.arrays.items()}
    network.load_state_dict(state, assign=True)
    return network


def _as_trained(array: Array) -> Array:
    return array.astype(np.int64 if array.dtype.kind == "i" else np.float32, copy=False)


def _make_layer(row: Row, c_in: int, c_out: int, activation: Activation) -> nn.Module:
    """Return the layer of a row that `row_channels` accepts."""
    match row.operation:
        case "Conv":
            _, kernel, stride = row.arguments
            layer: nn.Module = Conv(c_in, c_out, kernel, stride, activation)
        case "RepConv":
            layer = RepConv(c_in, c_out, activation)
        case "SPPCSPC":
            layer = SPPCSPC(c_in, c_out, activation)
        case "DownC":
            layer = DownC(c_in, c_out, activation)
        case "ReOrg":
            layer = ReOrg()
        case "Concat":
            layer = Concat()
        case "Shortcut":
            layer = Shortcut()
        case "MP":
            layer = nn.MaxPool2d(2, 2)
        case "SP":
            (kernel,) = row.arguments
            layer = nn.MaxPool2d(kernel, 1, kernel // 2)
        case "Upsample":
            (factor,) = row.arguments
            layer = nn.Upsample(scale_factor=factor, mode="nearest")
        case _:
            raise AssertionError(row.operation)
    return layer


@torch.no_grad()
def deploy(network: Network) -> Network:
    """Return a copy for inference: the same outputs, without what only training needs.

    Batch normalisation is folded into its convolution, the branches of a RepConv into one, implicit
    knowledge into the convolutions of the head. Auxiliary heads and their rows are left out.
    """
    assert not network.folded, "the network is already deployed"
    layers = [deepcopy(network.model[i]).eval() for i in network.description.lead_rows()]
    for layer in layers:
        for part in list(layer.modules()):
            if isinstance(part, Conv | RepConv):
                part.fuse()
    if isinstance(layers[-1], IDetect):
        layers[-1] = layers[-1].fuse()
    deployed = Network(network.description.deployed(), network.classes, network.width, layers)
    return deployed.eval().requires_grad_(False)
