"""People walk as people do: bones keep their length, one foot is down, arms swing against legs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.sources.street.camera import Camera
from pipeline.sources.street.light import Light, Pose
from pipeline.sources.street.people import (
    STRIDE,
    Limb,
    Posture,
    random_clothes,
    sketch_walker,
    walking,
)

HEIGHTS = (1.58, 1.7, 1.86)
STEPS = [STRIDE * k / 24 for k in range(1, 49)]  # two strides


def bones(limb: Limb) -> tuple[float, float]:
    return math.dist(limb.upper, limb.middle), math.dist(limb.middle, limb.end)


@pytest.mark.parametrize("height", HEIGHTS)
def test_the_bones_of_legs_keep_their_length(height: float) -> None:
    legs = [leg for metres in (0.0, *STEPS) for leg in walking(height, metres).legs]
    np.testing.assert_allclose([bones(leg) for leg in legs], 0.245 * height)


@pytest.mark.parametrize("height", HEIGHTS)
def test_the_lower_foot_is_always_on_the_ground(height: float) -> None:
    ankles = [min(leg.end[2] for leg in walking(height, metres).legs) for metres in STEPS]
    np.testing.assert_allclose(ankles, 0.04 * height)  # an ankle is above its sole


@pytest.mark.parametrize("height", HEIGHTS)
def test_the_top_of_the_head_is_at_the_height_of_the_person(height: float) -> None:
    """The middle of a head is about half a head, an eighth of the height, below its top."""
    assert walking(height, 0.0).head[2] == pytest.approx(height * (1 - 1 / 16), rel=0.04)


def knees(posture: Posture) -> tuple[float, float]:
    left, right = posture.legs
    return left.middle[0] - left.upper[0], right.middle[0] - right.upper[0]


def test_an_arm_swings_against_the_leg_of_its_side() -> None:
    for metres in STEPS:
        posture = walking(1.7, metres)
        swings = [arm.middle[0] - arm.upper[0] for arm in posture.arms]
        ahead = [knee - sum(knees(posture)) / 2 for knee in knees(posture)]
        assert all(a * b <= 1e-9 for a, b in zip(swings, ahead, strict=True))


def test_a_walk_repeats_with_each_stride_and_its_sides_alternate() -> None:
    for metres in STEPS[:24]:
        now, half, whole = (walking(1.7, metres + STRIDE * k) for k in (0, 0.5, 1))
        np.testing.assert_allclose(knees(now), knees(whole), atol=1e-9)
        np.testing.assert_allclose(knees(now), knees(half)[::-1], atol=1e-9)


def test_standing_the_feet_are_side_by_side() -> None:
    left, right = walking(1.7, 0.0).legs
    assert left.end[0] == right.end[0] and left.end[1] == -right.end[1] > 0


def test_a_walker_is_one_object_of_class_person() -> None:
    camera = Camera(6.0, math.radians(40), 700.0, 768, 432)
    clothes = random_clothes(np.random.default_rng(0))
    x, y = camera.spot(384, 216)
    seen = sketch_walker(camera, Light(0.4, 0.2, 80), Pose(x, y, 0.0, 1.0), clothes)
    assert seen.class_ids == (0,) and {shape.part for shape in seen.shapes} == {0}
    assert seen.depth == pytest.approx(math.dist((x, y, 0), (0, 0, 6)), rel=0.01)


def test_clothes_follow_from_the_seed_and_heights_are_those_of_adults() -> None:
    first, again = ([random_clothes(np.random.default_rng(k)) for k in range(40)] for _ in range(2))
    assert first == again and len(set(first)) > 35
    assert 1.55 < min(each.height for each in first) < max(each.height for each in first) < 1.9
