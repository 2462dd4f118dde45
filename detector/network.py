"""YOLOv7: its layers, its head, and the builder that makes a network from rows of YAML.

After Wang, Bochkovskiy and Liao, "YOLOv7: Trainable bag-of-freebies sets new state-of-the-art for
real-time object detectors", 2022. Parameters carry the names of the official checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import yaml
from torch import Tensor, nn

from detector.errors import ModelError

NETWORKS = Path(__file__).resolve().parent.parent / "configs" / "networks"
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": lambda: nn.LeakyReLU(0.1, inplace=True),
}


class Conv(nn.Module):
    """Convolution without bias, batch normalisation, activation."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int, activation: nn.Module
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.03)
        self.act = activation

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.act(self.bn(self.conv(x))))

    def fuse(self) -> None:
        """Fold the batch normalisation into the convolution."""
        bn = cast(nn.BatchNorm2d, self.bn)
        mean, variance = cast(Tensor, bn.running_mean), cast(Tensor, bn.running_var)
        scale = bn.weight / torch.sqrt(variance + bn.eps)
        self.conv.weight = nn.Parameter(self.conv.weight * scale[:, None, None, None])
        self.conv.bias = nn.Parameter(bn.bias - mean * scale)
        self.bn = nn.Identity()


class Concat(nn.Module):
    """Join along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=1)


class Implicit(nn.Module):
    """Implicit knowledge (YOLOR): one learned number per channel, in front of or behind a layer."""

    def __init__(self, channels: int, mean: float) -> None:
        super().__init__()
        self.implicit = nn.Parameter(torch.empty(1, channels, 1, 1).normal_(mean, 0.02))


class Cells(NamedTuple):
    """Where decoded rows lie, ordered by layer, anchor, y, x.

    corners: (rows, 2) x, y in cells; anchors: (rows, 2) w, h in pixels
    strides: (rows, 1) pixels per cell
    """

    corners: Tensor
    anchors: Tensor
    strides: Tensor


class Detect(nn.Module):
    """The head: one 1x1 convolution per stride, and the meaning of what it returns.

    Per anchor there are 5 + c numbers: x, y, w, h, objectness, class scores, all before sigmoid.
    """

    anchors: Tensor  # (layers, anchors, 2), in cells of the layer's grid
    anchor_grid: Tensor  # (layers, 1, anchors, 1, 1, 2), in pixels

    def __init__(
        self,
        channels: Sequence[int],
        classes: int,
        anchors: Sequence[Sequence[Sequence[float]]],
        strides: Sequence[int],
    ) -> None:
        super().__init__()
        pixels = torch.tensor(anchors, dtype=torch.float32)
        layers, self.per_cell, _ = pixels.shape
        self.classes, self.anchors_pixels, self.strides = classes, anchors, tuple(strides)
        self.register_buffer("anchors", pixels / torch.tensor(strides).view(-1, 1, 1))
        self.register_buffer("anchor_grid", pixels.view(layers, 1, self.per_cell, 1, 1, 2))
        outputs = self.per_cell * (5 + classes)
        self.m = nn.ModuleList(nn.Conv2d(c, outputs, kernel_size=1) for c in channels)
        self._expect_few_objects(classes)

    def _expect_few_objects(self, classes: int) -> None:
        """Start from the odds of 8 objects in a 640 x 640 picture (focal loss paper, 3.3)."""
        for conv, stride in zip(self.m, self.strides, strict=True):
            bias = cast(Tensor, conv.bias).detach().view(self.per_cell, 5 + classes)
            bias[:, 4] = math.log(8 / (640 / stride) ** 2)
            bias[:, 5:] = math.log(0.6 / (classes - 0.99))

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        """Return per stride (n, anchors, h, w, 5 + c)."""
        return [self._per_anchor(self.predict(i, x)) for i, x in enumerate(inputs)]

    def predict(self, layer: int, x: Tensor) -> Tensor:
        """Return (n, anchors * (5 + c), h, w) for the features of one stride."""
        return cast(Tensor, self.m[layer](x))

    def _per_anchor(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        per_anchor = x.view(-1, self.per_cell, 5 + self.classes, h, w)
        return per_anchor.permute(0, 1, 3, 4, 2).contiguous()

    def decode(self, heads: Sequence[Tensor]) -> Tensor:
        """Return (n, rows, 5 + c): cx, cy, w, h in pixels of the input, then probabilities."""
        rows = torch.cat([head.flatten(1, 3) for head in heads], dim=1)
        cells = self.cells([(head.shape[2], head.shape[3]) for head in heads])
        return torch.cat((decode_boxes(rows[..., :4], cells), rows[..., 4:].sigmoid()), dim=-1)

    def cells(self, shapes: Sequence[tuple[int, int]]) -> Cells:
        """Return the cell of each decoded row, for grids of (h, w) per stride."""
        layers = [self._layer_cells(i, h, w) for i, (h, w) in enumerate(shapes)]
        return Cells(*(torch.cat(parts) for parts in zip(*layers, strict=True)))

    def _layer_cells(self, layer: int, h: int, w: int) -> Cells:
        like = self.anchor_grid
        y, x = torch.meshgrid(torch.arange(h).to(like), torch.arange(w).to(like), indexing="ij")
        corners = torch.stack((x, y), dim=-1).view(-1, 2).repeat(self.per_cell, 1)
        anchors = like[layer].view(-1, 2).repeat_interleave(h * w, dim=0)
        return Cells(corners, anchors, torch.full_like(corners[:, :1], self.strides[layer]))


def decode_boxes(raw: Tensor, cells: Cells) -> Tensor:
    """Return (..., rows, 4) cx, cy, w, h in pixels for what the head says of those cells."""
    s = raw.sigmoid()
    centre = (s[..., :2] * 2 - 0.5 + cells.corners) * cells.strides
    return torch.cat((centre, (s[..., 2:] * 2) ** 2 * cells.anchors), dim=-1)


class IDetect(Detect):
    """The head as it is trained: with implicit knowledge around each convolution."""

    def __init__(self, channels: Sequence[int], *head: Any) -> None:
        super().__init__(channels, *head)
        outputs = [cast(nn.Conv2d, conv).out_channels for conv in self.m]
        self.ia = nn.ModuleList(Implicit(c, mean=0) for c in channels)
        self.im = nn.ModuleList(Implicit(c, mean=1) for c in outputs)

    def predict(self, layer: int, x: Tensor) -> Tensor:
        added, factor = self._implicit(layer)
        return super().predict(layer, x + added) * factor

    def _implicit(self, layer: int) -> tuple[Tensor, Tensor]:
        return cast(Tensor, self.ia[layer].implicit), cast(Tensor, self.im[layer].implicit)

    def fuse(self) -> Detect:
        """Return the plain head that says the same."""
        channels = [cast(nn.Conv2d, conv).in_channels for conv in self.m]
        plain = Detect(channels, self.classes, self.anchors_pixels, self.strides)
        for i, (conv, fused) in enumerate(zip(self.m, plain.m, strict=True)):
            weight, bias = cast(Tensor, conv.weight), cast(Tensor, conv.bias)
            added, factor = self._implicit(i)
            shifted = nn.functional.conv2d(added, weight, bias) * factor
            fused.weight = nn.Parameter(weight * factor.view(-1, 1, 1, 1))
            fused.bias = nn.Parameter(shifted.flatten())
        return plain.to(self.anchors)


class Row(NamedTuple):
    """One row of a network's YAML: inputs are numbers of earlier rows, -1 is the picture."""

    inputs: tuple[int, ...]
    operation: str
    arguments: tuple[Any, ...]


class Network(nn.Module):
    """A YOLOv7 network: pictures in, raw heads out; `decode` turns them into boxes."""

    def __init__(
        self, name: str, classes: int, width: float, rows: Sequence[Row], layers: list[nn.Module]
    ) -> None:
        super().__init__()
        self.name, self.classes, self.width = name, classes, width
        self.model = nn.ModuleList(layers)
        self._inputs = [row.inputs for row in rows]
        last_use = {source: i for i, row in enumerate(rows) for source in row.inputs}
        self._finished = [[s for s in last_use if last_use[s] == i] for i in range(len(rows))]

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

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the raw heads, (n, anchors, h, w, 5 + c) per stride.

        images: (n, 3, height, width) float, RGB, 0..1; sides are multiples of the largest stride.
        """
        outputs: dict[int, Any] = {-1: images}
        for i, layer in enumerate(self.model):
            outputs[i] = layer(*[outputs[source] for source in self._inputs[i]])
            for source in self._finished[i]:  # what no later row reads need not stay in memory
                del outputs[source]
        return cast("list[Tensor]", outputs[len(self.model) - 1])

    def decode(self, heads: Sequence[Tensor]) -> Tensor:
        """Return (n, rows, 5 + c): cx, cy, w, h in pixels of the input, then probabilities."""
        return self.head.decode(heads)


def build_network(name: str | Path, *, classes: int = 80, width: float = 1.0) -> Network:
    """Return a new network with random weights.

    name: of a file in configs/networks, or the path of such a file
    width: factor on the channels of every layer, rounded up to a multiple of 8
    Raises ModelError for an unknown name.
    """
    path = find_description(name)
    description = yaml.safe_load(path.read_text())
    rows = [_row(i, *raw) for i, raw in enumerate(description["rows"])]
    activation = ACTIVATIONS[description["activation"]]
    channels = {-1: 3}
    layers: list[nn.Module] = []
    for i, row in enumerate(rows[:-1]):
        sizes = [channels[source] for source in row.inputs]
        layer, channels[i] = _make_layer(row, sizes, width, activation)
        layers.append(layer)
    make_head = {"Detect": Detect, "IDetect": IDetect}[rows[-1].operation]
    sizes = [channels[source] for source in rows[-1].inputs]
    layers.append(make_head(sizes, classes, description["anchors"], description["strides"]))
    return Network(path.stem, classes, width, rows, layers)


def find_description(name: str | Path) -> Path:
    """Return the YAML file that describes a network. Raises ModelError if there is none."""
    path = name if isinstance(name, Path) else NETWORKS / f"{name}.yaml"
    if not path.is_file():
        raise ModelError(f"unknown network '{name}': choose one of {', '.join(network_names())}")
    return path


def network_names() -> list[str]:
    """Return the names that `build_network` knows."""
    return sorted(path.stem for path in NETWORKS.glob("*.yaml"))


def _row(number: int, inputs: list[int], operation: str, arguments: list[Any]) -> Row:
    absolute = tuple(number + source if source < 0 else source for source in inputs)
    return Row(absolute, operation, tuple(arguments))


def _make_layer(
    row: Row, channels: list[int], width: float, activation: Callable[[], nn.Module]
) -> tuple[nn.Module, int]:
    """Return the layer of a row and the number of channels that it returns."""
    match row.operation, row.arguments:
        case "Conv", (c, kernel, stride):
            c_out = math.ceil(c * width / 8) * 8
            return Conv(channels[0], c_out, kernel, stride, activation()), c_out
        case "Concat", ():
            return Concat(), sum(channels)
        case "MP", ():
            return nn.MaxPool2d(2, 2), channels[0]
        case "SP", (kernel,):
            return nn.MaxPool2d(kernel, 1, kernel // 2), channels[0]
        case "Upsample", (factor,):
            return nn.Upsample(scale_factor=factor, mode="nearest"), channels[0]
    raise ModelError(f"no such operation: {row.operation} {list(row.arguments)}")


@torch.no_grad()
def deploy(network: Network) -> Network:
    """Return a copy for inference: same outputs, batch norm and implicit knowledge folded away."""
    fused = deepcopy(network).eval().requires_grad_(False)
    for layer in fused.model:
        if isinstance(layer, Conv):
            layer.fuse()
    if isinstance(fused.head, IDetect):
        fused.model[-1] = fused.head.fuse()
    return fused.requires_grad_(False)
