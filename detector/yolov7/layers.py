"""The layers of YOLOv7 networks, with the parameter names of the official checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

Activation = Callable[[], nn.Module]
ACTIVATIONS: dict[str, Activation] = {
    "leaky_relu": lambda: nn.LeakyReLU(0.1, inplace=True),
    "silu": lambda: nn.SiLU(inplace=True),
}


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Return batch normalisation with the constants of the original YOLOv7."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.03)


def folded(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the one convolution that equals both in inference."""
    mean, variance = cast(Tensor, bn.running_mean), cast(Tensor, bn.running_var)
    scale = bn.weight / torch.sqrt(variance + bn.eps)
    return conv.weight * scale[:, None, None, None], bn.bias - mean * scale


class Conv(nn.Module):
    """Convolution without bias, batch normalisation, activation."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int, activation: Activation
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.bn: nn.Module = batch_norm(c_out)
        self.act = activation()

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.act(self.bn(self.conv(x))))

    def fuse(self) -> None:
        """Fold the batch normalisation into the convolution."""
        weight, bias = folded(self.conv, cast(nn.BatchNorm2d, self.bn))
        self.conv.weight, self.conv.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.bn = nn.Identity()


class RepConv(nn.Module):
    """A 3x3 and a 1x1 convolution side by side in training, one 3x3 in inference (RepVGG, 3.2).

    There is no identity branch, whatever the channels: YOLOv7, 4.1, removes it where a layer
    follows a concatenation.
    """

    def __init__(self, c_in: int, c_out: int, activation: Activation) -> None:
        super().__init__()
        self.rbr_dense = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, 1, 1, bias=False), batch_norm(c_out)
        )
        self.rbr_1x1 = nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), batch_norm(c_out))
        self.rbr_reparam: nn.Conv2d | None = None
        self.act = activation()

    def forward(self, x: Tensor) -> Tensor:
        if self.rbr_reparam is not None:
            return cast(Tensor, self.act(self.rbr_reparam(x)))
        return cast(Tensor, self.act(self.rbr_dense(x) + self.rbr_1x1(x)))

    def fuse(self) -> None:
        """Fold both branches, with their batch normalisation, into one convolution."""
        dense, dense_bias = folded(*self._parts(self.rbr_dense))
        point, point_bias = folded(*self._parts(self.rbr_1x1))
        c_out, c_in = dense.shape[:2]
        merged = nn.Conv2d(c_in, c_out, 3, 1, 1)
        merged.weight = nn.Parameter(dense + nn.functional.pad(point, (1, 1, 1, 1)))
        merged.bias = nn.Parameter(dense_bias + point_bias)
        self.rbr_reparam = merged
        del self.rbr_dense, self.rbr_1x1

    @staticmethod
    def _parts(branch: nn.Sequential) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
        return cast(nn.Conv2d, branch[0]), cast(nn.BatchNorm2d, branch[1])


class SPPCSPC(nn.Module):
    """Spatial pyramid pooling on one of two paths, which are then concatenated (CSPNet)."""

    def __init__(self, c_in: int, c: int, activation: Activation) -> None:
        super().__init__()
        self.cv1 = Conv(c_in, c, 1, 1, activation)
        self.cv2 = Conv(c_in, c, 1, 1, activation)
        self.cv3 = Conv(c, c, 3, 1, activation)
        self.cv4 = Conv(c, c, 1, 1, activation)
        self.m = nn.ModuleList(nn.MaxPool2d(size, 1, size // 2) for size in (5, 9, 13))
        self.cv5 = Conv(4 * c, c, 1, 1, activation)
        self.cv6 = Conv(c, c, 3, 1, activation)
        self.cv7 = Conv(2 * c, c, 1, 1, activation)

    def forward(self, x: Tensor) -> Tensor:
        local = self.cv4(self.cv3(self.cv1(x)))
        pyramid = torch.cat((local, *(pool(local) for pool in self.m)), dim=1)
        pooled = self.cv6(self.cv5(pyramid))
        return cast(Tensor, self.cv7(torch.cat((pooled, self.cv2(x)), dim=1)))


class DownC(nn.Module):
    """Halve height and width on two paths: a strided convolution, and max pooling."""

    def __init__(self, c_in: int, c_out: int, activation: Activation) -> None:
        super().__init__()
        self.cv1 = Conv(c_in, c_in, 1, 1, activation)
        self.cv2 = Conv(c_in, c_out // 2, 3, 2, activation)
        self.cv3 = Conv(c_in, c_out // 2, 1, 1, activation)
        self.mp = nn.MaxPool2d(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.cv2(self.cv1(x)), self.cv3(self.mp(x))), dim=1)


class ReOrg(nn.Module):
    """Halve height and width: four neighbours become channels, (n, c, h, w) to (n, 4c, h/2, w/2).

    Column by column: pixels (row, column) 00, 10, 01, 11 of each square of four.
    """

    def forward(self, x: Tensor) -> Tensor:
        corners = [(0, 0), (1, 0), (0, 1), (1, 1)]
        return torch.cat([x[..., row::2, column::2] for row, column in corners], dim=1)


class Concat(nn.Module):
    """Concatenate along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=1)


class Shortcut(nn.Module):
    """Add two inputs of the same shape."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y
