"""Hard cases, drawn: what happens is known to the second, and looks must come soon and be few."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig, MaskConfig
from pipeline.frames.decision import Reason
from tests.support.moving_planes import (
    HEIGHT,
    SIZE,
    WIDTH,
    Box,
    Place,
    Plane,
    Scene,
    every,
    passing,
    watch,
)

RATE = 2 / 25  # fewer frames than most cameras send: all times are those of the stream
SOON = 0.2  # seconds


def walker(start: float) -> list[Place]:
    """Return a person as wide as 24 pixels, who enters at the left edge."""
    return [passing(start, 12.0, (-4.0, 40.0, 0.0, 50.0))]


def swaying(seconds: float) -> Box | None:
    """Return where a dog is that runs to and fro from 3 s on."""
    if seconds < 3:
        return None
    return 60 + 3 * np.sin(3 * seconds), 40, 66 + 3 * np.sin(3 * seconds), 44


def test_an_empty_place_is_looked_at_once_in_max_rest_seconds() -> None:
    looks = watch(Scene(), every(RATE, 0, 12))
    assert 10 <= looks.between(2, 12) <= 15  # with the random sample
    config = AttentionConfig(mode="on", max_rest_seconds=4)
    assert 2 <= watch(Scene(), every(RATE, 0, 14), config).between(2, 14) <= 9


@pytest.mark.parametrize("interval", [1 / 50, 1 / 25, 1 / 10])
def test_a_walker_is_looked_at_at_once_and_then_some_times_a_second(interval: float) -> None:
    looks = watch(Scene(walker(3.0)), every(interval, 0, 6))
    assert looks.delay(3.0) <= SOON + interval
    assert 3 * 2 <= looks.between(4, 6) <= 8 * 2


def test_low_contrast_at_night_is_seen_through_the_noise() -> None:
    night = Scene(walker(10.0), brightness=24, contrast=9, noise=1.0)
    looks = watch(night, every(RATE, 0, 12))
    assert looks.between(4, 10) <= 12
    assert looks.delay(10.0, because={Reason.MOVEMENT}) <= 0.4


def test_lights_that_are_switched_on_are_learnt_within_a_moment() -> None:
    lamp = np.linspace(1.3, 2.2, WIDTH)[None]
    room = Scene(walker(14.0), light=lambda p, s: p * (lamp if s >= 8 else 1))
    looks = watch(room, every(RATE, 0, 16))
    assert looks.delay(8.0) <= SOON
    assert looks.between(8, 10) <= 20
    assert looks.between(10, 14) <= 8
    assert looks.delay(14.0, because={Reason.MOVEMENT}) <= SOON


def test_the_shadow_of_a_cloud_costs_few_looks() -> None:
    columns = np.arange(WIDTH)[None]

    def cloud(plane: Plane, seconds: float) -> Plane:
        edge = (seconds - 8.0) * 40.0 - 20.0  # it passes over the place in some seconds
        return np.asarray(plane * (1 - 0.3 / (1 + np.exp((columns - edge) / 12))))

    looks = watch(Scene(walker(16.0), light=cloud), every(RATE, 0, 18))
    assert looks.between(8, 14) <= 6 * 5
    assert looks.between(14, 16) <= 6
    assert looks.delay(16.0, because={Reason.MOVEMENT}) <= SOON


def test_rain_costs_few_looks_and_hides_nobody() -> None:
    random = np.random.default_rng(3)

    def rain(plane: Plane, seconds: float) -> Plane:
        wet = plane.copy()
        for y, x in random.integers(0, (HEIGHT - 3, WIDTH), (60, 2)):
            wet[y : y + 3, x] += 12
        return np.asarray(wet)

    looks = watch(Scene(walker(16.0), light=rain), every(RATE, 0, 17))
    assert looks.between(10, 16) <= 6 * 7
    assert looks.delay(16.0, because={Reason.MOVEMENT, Reason.TRACK}) <= 0.3


def test_leaves_in_the_wind_cost_few_looks_and_hide_nobody() -> None:
    leaves = np.random.default_rng(4).normal(0, 14, (36, 60))

    def tree(plane: Plane, seconds: float) -> Plane:
        gust = np.sin(0.7 * seconds) ** 2 * np.sin(2 * np.pi * np.array([1.7, 2.3]) * seconds)
        y, x = gust.round().astype(int).tolist()
        shaken = plane.copy()
        shaken[4:34, 60:110] += np.roll(leaves, (y, x), (0, 1))[:30, :50]
        return np.asarray(shaken)

    looks = watch(Scene(walker(20.0), light=tree), every(RATE, 0, 21))
    assert looks.between(12, 20) <= 8 * 6
    assert looks.delay(20.0, because={Reason.MOVEMENT, Reason.TRACK}) <= 0.3


def test_a_camera_that_sways_by_two_pixels_costs_few_looks_and_misses_nobody() -> None:
    def sway(seconds: float) -> tuple[float, float]:
        return 2 / 6 * np.sin(2 * np.pi * 1.3 * seconds), 1 / 6 * np.sin(2 * np.pi * 0.9 * seconds)

    looks = watch(Scene(walker(16.0), shift=sway), every(RATE, 0, 17))
    assert looks.between(10, 16) <= 6 * 4
    assert looks.delay(16.0, because={Reason.MOVEMENT, Reason.TRACK}) <= 0.3


def test_a_car_that_parks_for_an_hour_is_seen_when_it_leaves() -> None:
    def car(seconds: float) -> Box | None:
        driven = min(max(seconds - 5, 0), 4) * 15 + max(seconds - 3600, 0) * 8
        return (driven - 20, 30, driven, 40) if seconds >= 5 else None

    times = [*every(RATE, 0, 15), *every(4.8, 15, 3590), *every(RATE, 3590, 3605)]
    looks = watch(Scene([car]), times)
    assert looks.delay(5.0, because={Reason.MOVEMENT}) <= 0.3
    assert looks.between(12, 15) <= 6  # it stands
    assert looks.between(3592, 3600) <= 12
    assert looks.delay(3600.0, because={Reason.MOVEMENT}) <= SOON
    assert looks.between(3601, 3604) >= 3 * 3


def test_a_still_person_that_begins_to_move_slowly_is_noticed_by_the_movement() -> None:
    def person(seconds: float) -> Box | None:
        moved = max(seconds - 10, 0) * 1.0
        return 60 + moved, 40, 64 + moved, 50

    config = AttentionConfig(mode="on", max_rest_seconds=20)
    looks = watch(Scene([person]), every(RATE, 0, 14), config)
    assert looks.between(5, 10) <= 4
    assert looks.delay(10.0, because={Reason.MOVEMENT, Reason.TRACK}) <= 0.6


def test_a_camera_that_switches_to_infrared_is_looked_at_and_learnt_anew() -> None:
    texture = np.random.default_rng(5).normal(0, 8, (HEIGHT, WIDTH))

    def infrared(plane: Plane, seconds: float) -> Plane:
        return plane if seconds < 8 else 150 - 0.7 * plane + texture

    looks = watch(Scene(walker(14.0), light=infrared), every(RATE, 0, 16))
    assert looks.delay(8.0) <= SOON
    assert looks.between(8, 10) <= 20
    assert looks.between(10.5, 14) <= 7
    assert looks.delay(14.0, because={Reason.MOVEMENT}) <= SOON


def test_while_the_camera_turns_everything_is_looked_at_and_then_it_ends() -> None:
    def pan(seconds: float) -> tuple[float, float]:
        return 40 * min(max(seconds - 8, 0), 3), 0.0

    looks = watch(Scene(shift=pan), every(RATE, 0, 16))
    assert looks.delay(8.0) <= SOON
    assert looks.between(8.2, 11) >= 2.8 * 6
    assert looks.between(13, 16) <= 6


def test_movement_in_a_mask_is_no_reason_to_look() -> None:
    def flag(seconds: float) -> Box | None:
        return 100, 10 + 4 * np.sin(7 * seconds), 110, 16 + 4 * np.sin(7 * seconds)

    corners = ((0.7, 0.0), (1.0, 0.0), (1.0, 0.4), (0.7, 0.4))
    config = AttentionConfig(mode="on", masks=(MaskConfig(polygon=corners),))
    scene = Scene([flag], visible=False)
    assert watch(scene, every(RATE, 0, 12), config).between(2, 12) <= 15


def test_movement_that_no_look_explains_is_looked_at_ever_more_rarely() -> None:
    looks = watch(Scene([swaying], visible=False), every(RATE, 0, 20))
    assert looks.between(15, 20) <= 5 * 2.5


def test_what_is_found_but_not_surely_enough_is_looked_at_again_soon_and_then_more_rarely() -> None:
    looks = watch(Scene([swaying], doubtful=True), every(1 / 25, 0, 20))
    assert looks.delay(3.1, because={Reason.DOUBT}) <= 0.1
    assert looks.between(3.1, 4.1) >= 12
    assert looks.between(15, 20) <= 5 * 2.5


def test_no_look_is_asked_for_while_one_is_under_way() -> None:
    attention = Attention(AttentionConfig(mode="on"))
    scene = Scene()
    first = attention.judge(scene.plane(0.0), 0.0, SIZE)
    assert first.reason is Reason.LEARNING
    later = [attention.judge(scene.plane(s), s, SIZE) for s in every(RATE, RATE, 3)]
    assert {each.reason for each in later} == {Reason.UNDER_WAY}
    attention.settle(0.0, first, scene.found(0.0), scene.tracks(0.0), SIZE)
    assert attention.judge(scene.plane(3.0), 3.0, SIZE).looks


def test_a_new_scene_is_learnt_anew() -> None:
    attention = Attention(AttentionConfig(mode="on"))
    scene = Scene()
    for seconds in every(RATE, 0, 3):
        decision = attention.judge(scene.plane(seconds), seconds, SIZE)
        attention.settle(seconds, decision, scene.found(seconds), scene.tracks(seconds), SIZE)
    again = attention.judge(scene.plane(3.0)[:60, :100], 3.0, SIZE, scene=1)
    assert again.reason is Reason.LEARNING
