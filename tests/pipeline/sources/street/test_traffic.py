"""Traffic: actors follow their paths, and the state depends on the time alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.sources.street.traffic import Path, Route, Traffic

STRAIGHT = Path([(0, 0), (30, 40)])  # 50 m
ROUTES = (
    Route(STRAIGHT, "car", speed=6.0, period=9.0, jitter=2.0, chance=0.7),
    Route(STRAIGHT, "walker", speed=1.4, period=7.0, offset=3.0, pause=(20.0, 4.0)),
)


def test_a_straight_path_is_followed_by_its_length() -> None:
    assert STRAIGHT.length == 50
    for metres in (0, 12.5, 50):
        pose = STRAIGHT.pose(metres)
        assert (pose.x, pose.y) == pytest.approx((0.6 * metres, 0.8 * metres))
        assert pose.heading == pytest.approx(math.atan2(4, 3)) and pose.travelled == metres


def test_a_standing_actor_has_travelled_0_metres() -> None:
    assert STRAIGHT.pose(10.0, moving=False).travelled == 0


def test_rounding_cuts_a_corner_and_turns_evenly() -> None:
    sharp, round_ = (Path([(0, 0), (10, 0), (10, 10)], rounding=n) for n in (0, 4))
    diagonal = math.hypot(10, 10)
    assert diagonal < round_.length < sharp.length == 20
    headings = [round_.pose(m).heading for m in np.linspace(0, round_.length, 80)]
    assert headings[0] == pytest.approx(0) and headings[-1] == pytest.approx(math.pi / 2)
    assert np.diff(headings).min() > -1e-9 and np.diff(headings).max() < 0.25
    assert round_.pose(0).x == round_.pose(0).y == 0
    assert (round_.pose(1e9).x, round_.pose(1e9).y) == (10, 10)


def test_a_heading_takes_the_short_way_round() -> None:
    """From a little less than half a turn to a little more, not back through 0."""
    path = Path([(0, 0), (-10, 1), (-20, 0)])
    middle = path.pose(path.length / 2).heading
    assert abs(abs(middle) - math.pi) < 1e-6


def test_the_state_is_a_function_of_time_alone() -> None:
    times = [0.0, 31.0, 7.5, 300.0, 7.5]
    one = Traffic(ROUTES, seed=3, first_key=1)
    asked = {t: [(a.key, a.start, a.speed, a.car) for a in one.at(t)] for t in times}
    for t in reversed(times):
        fresh = Traffic(ROUTES, seed=3, first_key=1)
        assert [(a.key, a.start, a.speed, a.car) for a in fresh.at(t)] == asked[t]


def test_an_actor_is_present_from_the_start_to_the_end_of_its_path() -> None:
    traffic, step = Traffic(ROUTES, seed=1, first_key=1), 0.25
    seen: dict[int, list[float]] = {}
    actors = {}
    for t in np.arange(0, 240, step).tolist():
        for actor in traffic.at(t):
            seen.setdefault(actor.key, []).append(t)
            actors[actor.key] = actor
    whole = {k: ts for k, ts in seen.items() if actors[k].start > 0 and ts[-1] < 239}
    assert len(whole) > 20
    for key, times in whole.items():
        actor = actors[key]
        took = 50 / actor.speed + actor.route.pause[1]
        assert times[0] == pytest.approx(actor.start, abs=step)
        assert times[-1] == pytest.approx(actor.start + took, abs=step)
        assert np.ptp(np.diff(times)) == 0  # never away in between
        assert actor.speed == pytest.approx(actor.route.speed, rel=0.07)


def test_departures_keep_their_period_and_their_chance() -> None:
    traffic = Traffic(ROUTES, seed=5, first_key=1)
    found = {a.key: a for t in np.arange(0, 3600, 2.0).tolist() for a in traffic.at(t)}
    walkers = sorted(a.start for a in found.values() if a.route.kind == "walker")
    assert np.diff(walkers) == pytest.approx(7.0)  # no jitter, and each takes place
    cars = [a for a in found.values() if a.route.kind == "car"]
    assert len(cars) == pytest.approx(0.7 * 3600 / 9, rel=0.1)
    assert all(0 <= a.start % 9.0 <= 2.0 for a in cars)


def test_keys_leave_room_for_two_parts_each() -> None:
    traffic = Traffic(ROUTES, seed=2, first_key=7)
    keys = sorted({a.key for t in np.arange(0, 600, 1.0).tolist() for a in traffic.at(t)})
    assert keys[0] >= 7 and min(np.diff(keys)) >= 2
