"""Bicycles have the size of bicycles and turn their wheels; with a person they are two objects."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from pipeline.sources.street.bicycles import (
    BICYCLE,
    WHEEL,
    Bicycle,
    random_bicycle,
    sketch_pusher,
    sketch_rider,
)
from pipeline.sources.street.camera import SUBPIXEL, Camera
from pipeline.sources.street.light import Light, Pose, Sketch
from pipeline.sources.street.people import random_clothes

FAR, FOCAL = 400.0, 40_000.0  # metres; pixels, 100 to a metre at that distance
ASIDE = Camera(0.0, 0.0, FOCAL, 1000, 1000)
LIGHT = Light(slant_x=0.3, slant_y=0.1, shade=80)
CLOTHES = random_clothes(np.random.default_rng(0))
PLAIN = Bicycle(frame=(52, 44, 170), tyres=(38, 38, 38), basket=False)
sketchers = pytest.mark.parametrize("sketch", [sketch_rider, sketch_pusher])
Sketcher = Callable[..., Sketch]


def drawn(sketch: Sketcher, bicycle: Bicycle = PLAIN, travelled: float = 3.0) -> Sketch:
    return sketch(ASIDE, LIGHT, Pose(0.0, FAR, 0.0, travelled), CLOTHES, bicycle)


def corners(seen: Sketch, part: int) -> np.ndarray:
    """Return the corners of a part, metres: to the right in the image, and up from the ground."""
    points = [contour for shape in seen.shapes if shape.part == part for contour in shape.contours]
    pixels = np.concatenate(points) / SUBPIXEL - 500
    return pixels * (1, -1) * FAR / FOCAL


@sketchers
def test_a_person_with_a_bicycle_is_two_objects(sketch: Sketcher) -> None:
    seen = drawn(sketch)
    assert seen.class_ids == (0, 1)
    assert {shape.part for shape in seen.shapes} == {0, BICYCLE}


@sketchers
def test_a_bicycle_stands_on_the_ground_and_is_as_long_as_bicycles_are(sketch: Sketcher) -> None:
    spread = corners(drawn(sketch), BICYCLE)
    (left, low), (right, high) = spread.min(axis=0), spread.max(axis=0)
    assert low == pytest.approx(0, abs=0.02)
    assert 1.6 < right - left < 1.9 and 0.95 < high < 1.15


def test_a_rider_sits_on_the_bicycle_and_a_pusher_stands_beside_it() -> None:
    rider, pusher = (corners(drawn(sketch), 0)[:, 1] for sketch in (sketch_rider, sketch_pusher))
    assert rider.min() > 0.05 and pusher.min() == pytest.approx(0, abs=0.05)
    assert rider.max() > pusher.max() - 0.2 and pusher.max() == pytest.approx(
        CLOTHES.height, abs=0.1
    )


def test_a_wheel_turns_once_in_its_circumference() -> None:
    """Five spokes through the hub look the same ten times in a turn."""
    circumference = 2 * math.pi * WHEEL
    before, tenth, between = (
        corners(drawn(sketch_rider, travelled=3.0 + share * circumference), BICYCLE)
        for share in (0.0, 0.1, 0.05)
    )
    ordered = [np.unique(np.round(each, 1), axis=0).tolist() for each in (before, tenth)]
    assert ordered[0] == ordered[1]
    assert np.abs(before - between).max() > 0.05


def test_a_basket_is_drawn_in_front_of_the_bars() -> None:
    without = drawn(sketch_rider)
    basket = drawn(sketch_rider, Bicycle(PLAIN.frame, PLAIN.tyres, basket=True))
    assert len(basket.shapes) == len(without.shapes) + 2


def test_bicycles_follow_from_the_seed() -> None:
    first, again = ([random_bicycle(np.random.default_rng(k)) for k in range(30)] for _ in range(2))
    assert first == again and len({each.frame for each in first}) > 3
