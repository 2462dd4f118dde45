"""Layers compute their definitions, and the same after folding."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from detector.yolov7.layers import ACTIVATIONS, Conv, DownC, ReOrg, RepConv

SILU = ACTIVATIONS["silu"]


def with_statistics(layer: nn.Module) -> nn.Module:
    """Set means and variances of every batch normalisation as after training."""
    torch.manual_seed(1)
    for part in layer.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None and part.running_var is not None
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias)
    return layer.eval()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Conv(8, 16, 3, 2, SILU),
        lambda: Conv(8, 8, 1, 1, ACTIVATIONS["leaky_relu"]),
        lambda: RepConv(8, 16, SILU),
        lambda: RepConv(8, 8, SILU),
    ],
)
@torch.no_grad()
def test_folding_changes_no_number(make: Callable[[], Conv | RepConv]) -> None:
    layer = make()
    with_statistics(layer)
    images = torch.randn(2, 8, 9, 13)
    before = layer(images)
    layer.fuse()
    torch.testing.assert_close(layer(images), before, rtol=1e-4, atol=1e-5)
    assert [type(part) for part in layer.modules()].count(nn.Conv2d) == 1
    assert not list(layer.buffers())


def test_a_repconv_has_no_identity_branch_even_where_channels_would_allow_one() -> None:
    branches = {name.split(".")[0] for name in RepConv(8, 8, SILU).state_dict()}
    assert branches == {"rbr_dense", "rbr_1x1"}


@torch.no_grad()
def test_a_folded_repconv_keeps_the_official_name() -> None:
    layer = RepConv(4, 8, SILU)
    layer.fuse()
    assert set(layer.state_dict()) == {"rbr_reparam.weight", "rbr_reparam.bias"}


@torch.no_grad()
def test_batch_normalisation_has_the_constants_of_the_original() -> None:
    layer = Conv(1, 1, 1, 1, SILU).eval()
    layer.conv.weight.fill_(1)
    normalised = 2 / math.sqrt(1 + 1e-3)  # mean 0 and variance 1 at first
    expected = normalised / (1 + math.exp(-normalised))
    assert layer(torch.full((1, 1, 1, 1), 2.0)).item() == pytest.approx(expected, rel=1e-6)


def test_reorg_puts_the_neighbours_of_each_square_into_channels() -> None:
    images = torch.arange(2 * 3 * 4 * 6).view(2, 3, 4, 6)
    channels = ReOrg()(images)
    assert channels.shape == (2, 12, 2, 3)
    order = [(0, 0), (1, 0), (0, 1), (1, 1)]  # row, column
    for n, c, y, x in torch.cartesian_prod(*map(torch.arange, channels.shape)).tolist():
        row, column = order[c // 3]
        assert channels[n, c, y, x] == images[n, c % 3, 2 * y + row, 2 * x + column]


def test_downc_halves_the_size_and_pools_on_one_path() -> None:
    layer = with_statistics(DownC(8, 24, SILU))
    pooled = nn.functional.max_pool2d
    with torch.no_grad():
        images = torch.randn(1, 8, 6, 10)
        both = layer(images)
        second: Tensor = layer.get_submodule("cv3")(pooled(images, 2))
    assert both.shape == (1, 24, 3, 5)
    assert torch.equal(both[:, 12:], second)
