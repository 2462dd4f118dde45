"""Costs are those of the originals (tests/reference/README.md: measured, fused)."""

from __future__ import annotations

import pytest

from detector.cost import measure_cost


def test_yolov7_tiny_costs_what_the_original_costs() -> None:
    cost = measure_cost("yolov7-tiny")
    # The SiLU form has the same convolutions.
    assert cost.parameters == pytest.approx(6.2197, abs=1e-4)
    assert cost.gflops == pytest.approx(13.702, abs=2e-3)


def test_operations_grow_with_the_picture_and_parameters_do_not() -> None:
    small, large = measure_cost("yolov7-tiny"), measure_cost("yolov7-tiny", size=(1280, 640))
    assert large.parameters == small.parameters
    assert large.gflops == pytest.approx(2 * small.gflops)
