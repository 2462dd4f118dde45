"""Costs equal those of the original networks (tests/reference/README.md) and of the paper."""

from __future__ import annotations

import pytest

from detector.yolov7.cost import measure_cost
from detector.yolov7.description import read_description
from tests.support.descriptions import FAMILY

ORIGINALS = {  # measured, fused: millions of parameters, GFLOPs at 640, of P6 networks at 1280
    "yolov7-tiny-silu": (6.2197, 13.702),
    "yolov7": (36.9053, 104.514),
    "yolov7x": (71.3117, 189.677),
    "yolov7-w6": (70.3943, 359.728),
    "yolov7-e6": (97.2029, 514.439),
    "yolov7-d6": (133.7571, 701.755),
    "yolov7-e6e": (151.6874, 842.198),
}


@pytest.mark.parametrize(("name", "parameters", "gflops"), [(k, *v) for k, v in ORIGINALS.items()])
def test_costs_equal_those_of_the_original_networks(
    name: str, parameters: float, gflops: float
) -> None:
    side = 1280 if name[-1] in "6e" else 640
    cost = measure_cost(name, size=(side, side))
    assert cost.parameters == pytest.approx(parameters, abs=1e-4)
    assert cost.gflops == pytest.approx(gflops, rel=1e-4)  # counted by another tool


@pytest.mark.parametrize("name", FAMILY)
def test_costs_equal_those_of_the_paper_for_the_form_it_counts(name: str) -> None:
    paper = read_description(name).published
    assert paper is not None
    cost = measure_cost(name, size=(paper.size, paper.size), form=paper.form)
    assert cost.parameters == pytest.approx(paper.parameters, abs=0.051)
    assert cost.gflops == pytest.approx(paper.gflops, rel=0.01)  # ours count convolutions only


def test_yolov7_tiny_costs_the_same_with_silu() -> None:
    assert measure_cost("yolov7-tiny") == measure_cost("yolov7-tiny-silu")


def test_operations_grow_with_the_image_and_parameters_do_not() -> None:
    small, large = measure_cost("yolov7-tiny"), measure_cost("yolov7-tiny", size=(1280, 640))
    assert large.parameters == small.parameters
    assert large.gflops == pytest.approx(2 * small.gflops)
