"""Folded convolutions compute what the layers compute that they replace: torch is the twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from detector.export import folding
from detector.export.folding import Arrays, Convolution
from detector.yolov7.heads import IDetect
from detector.yolov7.layers import ACTIVATIONS, Conv, RepConv

IDENTITY = nn.Identity


def trained(layer: nn.Module) -> nn.Module:
    """Set every parameter and statistic as after training, also variances near zero."""
    torch.manual_seed(1)
    for name, value in layer.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(1e-4, 2)
        elif value.is_floating_point():
            value.normal_(0.2, 0.6)
    return layer.eval()


def arrays_of(layer: nn.Module, prefix: str) -> Arrays:
    return {f"{prefix}.{name}": value.numpy() for name, value in layer.state_dict().items()}


def computed(folded: Convolution, images: torch.Tensor, stride: int = 1) -> torch.Tensor:
    weight, bias = torch.from_numpy(folded.weight()), torch.from_numpy(folded.bias)
    assert tuple(weight.shape) == folded.shape
    return nn.functional.conv2d(images.double(), weight, bias, stride, folded.shape[2] // 2)


@torch.no_grad()
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_convolution_and_its_batch_normalisation_become_one(kernel: int) -> None:
    layer = trained(Conv(5, 7, kernel, 2, IDENTITY))
    images = torch.randn(2, 5, 9, 13)
    folded = folding.conv(arrays_of(layer, "a"), "a.conv", "a.bn")
    expected = layer.double()(images.double())
    torch.testing.assert_close(computed(folded, images, 2), expected, rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_the_branches_of_a_repconv_become_one_and_the_weights_stay_as_they_are() -> None:
    layer, images = trained(RepConv(6, 6, ACTIVATIONS["silu"])), torch.randn(2, 6, 9, 13)
    arrays = arrays_of(layer, "a")
    before = {name: array.copy() for name, array in arrays.items()}
    folded = folding.rep_conv(arrays, "a")
    activated = nn.functional.silu(computed(folded, images))
    torch.testing.assert_close(activated, layer.double()(images.double()), rtol=1e-9, atol=1e-9)
    assert all(np.array_equal(before[name], arrays[name]) for name in arrays)


@torch.no_grad()
def test_implicit_knowledge_and_the_parts_of_a_head_are_folded() -> None:
    head = IDetect([4, 8], 3, [[[10, 13], [16, 30], [33, 23]]] * 2, (8, 16))
    trained(head)
    arrays = arrays_of(head, "model.7")
    head.double()
    for layer, channels in enumerate((4, 8)):
        x = torch.randn(2, channels, 5, 6)
        expected = head.predict(layer, x.double())
        whole = folding.head_conv(arrays, "model.7", layer)
        torch.testing.assert_close(computed(whole, x), expected, rtol=1e-6, atol=1e-6)
        objectness = np.array([4, 12, 20])
        part = computed(whole.part(objectness), x)
        torch.testing.assert_close(part, expected[:, objectness], rtol=1e-6, atol=1e-6)


def test_a_plain_head_keeps_its_numbers() -> None:
    kernel, bias = np.full((8, 4, 1, 1), 0.1, np.float16), np.full(8, 0.2, np.float16)
    folded = folding.head_conv({"a.m.0.weight": kernel, "a.m.0.bias": bias}, "a", 0)
    assert np.array_equal(folded.weight(), kernel) and np.array_equal(folded.bias, bias)
