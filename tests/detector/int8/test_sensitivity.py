"""Layers stay in floating point if they move detections most, and no more than necessary."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError
from detector.int8.sensitivity import find_float_layers
from detector.tolerance import Tolerance

IMAGES = np.zeros((1, 8, 8, 3), np.uint8)
WITHIN_A_PIXEL = Tolerance(pixels=1, score=0.1, share=0.9)


class Scripted:
    """A network where each layer in INT8 moves all boxes by its number of pixels."""

    floats: frozenset[str] = frozenset()

    def __init__(self, pixels: Mapping[str, float]) -> None:
        self.pixels = pixels
        self.layers = tuple(pixels)

    def quantised(self, _images: UInt8Array) -> frozenset[str]:
        return frozenset(self.layers)

    def restricted(self, quantised: frozenset[str], layers: Collection[str]) -> frozenset[str]:
        return quantised & frozenset(layers)

    def run(self, model: frozenset[str], images: UInt8Array) -> list[Candidates]:
        corners = 40 * np.arange(8, dtype=np.float32)[:, None] + sum(map(self.pixels.get, model))  # type: ignore[arg-type]
        boxes = np.hstack([corners, corners, corners + 30, corners + 30])
        scores = np.linspace(0.9, 0.5, 8, dtype=np.float32)[:, None]
        return [Candidates(boxes[None].astype(np.float32), scores[None]) for _ in images]


def search(steps: list[str] | None = None, **pixels: float) -> tuple[str, ...]:
    maker = Scripted(pixels)

    def note(_share: float, what: str) -> None:
        if steps is not None:
            steps.append(what)

    found = find_float_layers(maker, IMAGES, IMAGES, WITHIN_A_PIXEL, note)
    assert found.model == frozenset(maker.layers) - set(found.float_layers)
    return found.float_layers


def test_if_everything_agrees_no_layer_stays_float_or_is_measured() -> None:
    steps: list[str] = []
    assert search(steps, a=0.2, b=0.3, c=0.1) == ()
    assert steps == ["calibrating"]


def test_the_most_sensitive_layers_stay_float_until_detections_agree() -> None:
    assert search(a=0.1, b=1.5, c=0.1, d=2.5, e=0.1, f=0.1) == ("d", "b")
    assert search(a=0.1, b=0.1, c=0.1, d=1.5) == ("d",)


def test_progress_names_each_layer_that_is_measured() -> None:
    steps: list[str] = []
    search(steps, a=0.1, b=1.5, c=0.1)
    assert steps == [
        "calibrating",
        "sensitivity of a",
        "sensitivity of b",
        "sensitivity of c",
        "1 layers in floating point: 100.0% agree",
    ]


def test_a_model_for_which_half_of_the_layers_are_not_enough_is_refused() -> None:
    with pytest.raises(ModelError, match=r"half of its 4 layers in floating point 0\.0% of the"):
        search(a=2, b=2, c=2, d=2)
