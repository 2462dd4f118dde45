"""Heads start with few objects, answer per anchor and cell, and fold without a difference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from detector.yolov7.heads import Detect, IAuxDetect, IDetect

ANCHORS = [[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]]]
STRIDES = (8, 16)


def features(*channels: int) -> list[Tensor]:
    """Return features as from a neck, for an image of 64 x 96."""
    torch.manual_seed(0)
    grids = [(8, 12), (4, 6)] * (len(channels) // 2)
    return [torch.randn(2, c, *grid) for c, grid in zip(channels, grids, strict=True)]


@pytest.mark.parametrize("part", ["m", "m2"])
def test_an_untrained_head_expects_eight_objects_in_an_image_of_640(part: str) -> None:
    head = IAuxDetect([4, 8, 12, 16], 3, ANCHORS, STRIDES)
    for layer, stride in enumerate(STRIDES):
        bias = head.get_parameter(f"{part}.{layer}.bias").detach().view(3, 8)
        cells = (640 // stride) ** 2
        assert float(bias[:, 4].sigmoid().mean()) * cells == pytest.approx(8, rel=0.05)


@torch.no_grad()
def test_boxes_are_decoded_as_in_the_paper() -> None:
    head = Detect([4, 8], 3, ANCHORS, STRIDES)
    raw = head(*features(4, 8))
    decoded = head.decode(raw)
    assert decoded.shape == (2, 3 * (96 + 24), 8)
    row = 0
    for layer, stride in enumerate(STRIDES):
        _, _, h, w, _ = raw[layer].shape
        for anchor in range(3):
            for y in range(h):
                for x in range(w):
                    s = raw[layer][1, anchor, y, x].sigmoid().tolist()
                    wide, high = ANCHORS[layer][anchor]
                    expected = [
                        (2 * s[0] - 0.5 + x) * stride,
                        (2 * s[1] - 0.5 + y) * stride,
                        (2 * s[2]) ** 2 * wide,
                        (2 * s[3]) ** 2 * high,
                        *s[4:],
                    ]
                    assert decoded[1, row].tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)
                    row += 1


@torch.no_grad()
def test_implicit_knowledge_folds_into_the_convolutions() -> None:
    head = IDetect([4, 8], 3, ANCHORS, STRIDES)
    for name, value in head.named_parameters():
        if "implicit" in name:
            value.normal_(1, 0.5)
    inputs = features(4, 8)
    for plain, trained in zip(head.fuse()(*inputs), head(*inputs), strict=True):
        torch.testing.assert_close(plain, trained, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_auxiliary_heads_come_after_the_lead_heads_without_implicit_knowledge() -> None:
    head = IAuxDetect([4, 8, 12, 16], 3, ANCHORS, STRIDES)
    inputs = features(4, 8, 12, 16)
    answers = head(*inputs)
    assert len(answers) == 4
    for answer, lead in zip(answers, head(*inputs[:2]), strict=False):
        assert torch.equal(answer, lead)
    assert {name for name, _ in head.named_parameters() if "implicit" in name} == {
        f"{kind}.{layer}.implicit" for kind in ("ia", "im") for layer in (0, 1)
    }
    assert type(head.fuse()) is Detect


@torch.no_grad()
def test_folding_keeps_the_anchors_of_the_weights() -> None:
    head, other = (IDetect([4, 8], 3, anchors, STRIDES) for anchors in (ANCHORS, ANCHORS[::-1]))
    head.load_state_dict(other.state_dict())
    raw = head(*features(4, 8))
    assert torch.equal(head.fuse().decode(raw), other.decode(raw))
