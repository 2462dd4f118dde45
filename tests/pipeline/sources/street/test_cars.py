"""Cars have the length, width and height of their proportions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.sources.street.camera import SUBPIXEL, Camera
from pipeline.sources.street.cars import BUILDS, GLASS, Build, Car, random_car, sketch_car
from pipeline.sources.street.light import Light, Pose, Sketch

FAR = 400.0  # metres: from there nothing looks larger because it is nearer
FOCAL = 20_000.0  # pixels: 50 to a metre at that distance
ABOVE = Camera(FAR, math.pi / 2, FOCAL, 1000, 1000)
ASIDE = Camera(0.0, 0.0, FOCAL, 1000, 1000)
NOON = Light(slant_x=0.0, slant_y=0.0, shade=80)
RED = (20, 30, 200)


def extent(sketch: Sketch) -> tuple[float, float]:
    """Return width and height of the drawing, in metres at a distance of FAR."""
    points = np.concatenate([contour for shape in sketch.shapes for contour in shape.contours])
    width, height = (points.max(axis=0) - points.min(axis=0)) / SUBPIXEL * FAR / FOCAL
    return float(width), float(height)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: f"{build.length} m")
def test_from_above_a_car_has_its_length_and_its_width_with_mirrors(build: Build) -> None:
    seen = sketch_car(ABOVE, NOON, Pose(0.0, 0.0, 0.0), Car(build, RED, sunroof=False))
    length, width = extent(seen)  # its nose is bowed, its corners are round
    assert length == pytest.approx(build.length, rel=0.03)
    assert build.width < width < build.width + 0.4


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: f"{build.length} m")
def test_from_the_side_a_car_has_its_height(build: Build) -> None:
    seen = sketch_car(ASIDE, NOON, Pose(0.0, FAR, 0.0), Car(build, RED, sunroof=False))
    length, height = extent(seen)
    assert length == pytest.approx(build.length, rel=0.03)
    assert height == pytest.approx(build.height, abs=0.1)  # its wheels touch the ground


def test_turned_by_a_right_angle_length_and_width_change_places() -> None:
    car = Car(BUILDS[0], RED, sunroof=True)
    along = extent(sketch_car(ABOVE, NOON, Pose(0.0, 0.0, 0.0), car))
    across = extent(sketch_car(ABOVE, NOON, Pose(0.0, 0.0, math.pi / 2), car))
    assert across == pytest.approx(along[::-1], abs=0.01)


def test_a_sunroof_is_one_pane_more() -> None:
    closed, open_ = (
        sketch_car(ABOVE, NOON, Pose(0.0, 0.0, 0.0), Car(BUILDS[0], RED, sunroof=sunroof))
        for sunroof in (False, True)
    )
    assert len(open_.shapes) == len(closed.shapes) + 1


def test_a_car_is_one_object_of_class_car_with_two_shadows() -> None:
    seen = sketch_car(ABOVE, NOON, Pose(0.0, 0.0, 0.0), Car(BUILDS[0], RED, sunroof=False))
    assert seen.class_ids == (2,) and {shape.part for shape in seen.shapes} == {0}
    assert [shadow.contact for shadow in seen.shadows] == [False, True]


def test_cars_differ_and_follow_from_the_seed() -> None:
    first, again = ([random_car(np.random.default_rng(k)) for k in range(30)] for _ in range(2))
    assert first == again
    assert {car.build for car in first} == set(BUILDS)
    assert len({car.paint for car in first}) > 5 and GLASS not in {car.paint for car in first}
