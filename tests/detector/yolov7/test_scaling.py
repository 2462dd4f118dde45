"""Compound scaling gives the networks of the paper, and only valid ones."""

from __future__ import annotations

import math

import pytest
import torch

from detector.errors import ModelError
from detector.yolov7.description import Row, network_names, read_description
from detector.yolov7.network import build_network
from detector.yolov7.scaling import find_elans, scale_compound


def test_e6_deepened_by_a_third_and_widened_by_a_fifth_is_d6() -> None:
    d6 = read_description("yolov7-d6")
    scaled = scale_compound(read_description("yolov7-e6"), depth=4 / 3, width=1.2)
    assert scaled.rows == d6.rows
    assert (scaled.anchors, scaled.strides) == (d6.anchors, d6.strides)


def test_w6_deepened_by_half_and_widened_by_a_quarter_is_e6_except_for_down_sampling() -> None:
    e6 = read_description("yolov7-e6").deployed()  # auxiliary heads were not widened
    strided = [
        Row(row.inputs, "Conv", (*row.arguments, 3, 2)) if row.operation == "DownC" else row
        for row in e6.rows
    ]
    scaled = scale_compound(read_description("yolov7-w6").deployed(), depth=1.5, width=1.25)
    assert list(scaled.rows) == strided


def test_yolov7_scaled_as_in_the_paper_has_the_backbone_of_yolov7x() -> None:
    # the paper, 5.4: depth of the blocks by 1.5, width of the transitions by 1.25
    x = read_description("yolov7x")
    scaled = scale_compound(read_description("yolov7"), depth=1.5, width=1.25)
    first_of_neck = [row.operation for row in x.rows].index("SPPCSPC")
    assert scaled.rows[: first_of_neck + 1] == x.rows[: first_of_neck + 1]


@pytest.mark.parametrize("depth", [1.5, 2])
def test_the_width_of_the_paper_is_the_growth_of_a_deeper_block(depth: float) -> None:
    w6 = read_description("yolov7-w6")
    before, after = w6.rows, scale_compound(w6, depth=depth, width=1).rows
    for old, new in zip(find_elans(before), find_elans(after), strict=True):
        wider = channels(after, new.concat) / channels(before, old.concat)
        assert wider == {1.5: 1.25, 2: 1.5}[depth]


def channels(rows: tuple[Row, ...], concat: int) -> int:
    """Return the number of channels that a Concat of plain convolutions joins."""
    return sum(rows[source].arguments[0] for source in rows[concat].inputs)


@pytest.mark.parametrize("name", network_names())
def test_factors_of_one_change_nothing(name: str) -> None:
    description = read_description(name)
    assert scale_compound(description, depth=1, width=1).rows == description.rows


@pytest.mark.parametrize(
    ("name", "blocks"), [("yolov7-tiny", 8), ("yolov7", 8), ("yolov7-d6", 11), ("yolov7-e6e", 22)]
)
def test_every_block_is_found(name: str, blocks: int) -> None:
    assert len(find_elans(read_description(name).rows)) == blocks


@pytest.mark.parametrize(
    ("name", "depth", "width"),
    [
        ("yolov7-tiny", 3, 0.1),
        ("yolov7", 0.1, 2.3),
        ("yolov7x", 1.34, 0.77),
        ("yolov7-w6", 2.9, 0.5),
        ("yolov7-e6e", 0.4, 0.31),
    ],
)
def test_any_factors_give_a_network_that_runs(name: str, depth: float, width: float) -> None:
    description = read_description(name)
    scaled = scale_compound(description, depth=depth, width=width)
    blocks = zip(find_elans(description.rows), find_elans(scaled.rows), strict=True)
    assert all(abs(new.stacked - old.stacked * depth) <= old.every for old, new in blocks)
    with torch.device("meta"):
        network = build_network(scaled, classes=2)
        heads = network(torch.empty(1, 3, 128, 128))
    shapes = [(1, 3, 128 // stride, 128 // stride, 7) for stride in network.strides]
    assert [tuple(head.shape) for head in heads[: len(shapes)]] == shapes


@pytest.mark.parametrize(("depth", "width"), [(0, 1), (1, -1), (math.nan, 1), (1, math.inf)])
def test_factors_that_are_not_above_zero_are_refused(depth: float, width: float) -> None:
    with pytest.raises(ModelError, match="both must be above 0"):
        scale_compound(read_description("yolov7"), depth=depth, width=width)
