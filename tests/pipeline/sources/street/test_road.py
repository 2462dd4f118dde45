"""The road of every seed: cars keep right, each kind keeps to its lane, walkers cross the road."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.sources.street.road import CYCLE_EDGE, FAR_EDGE, FAR_KERB, NEAR_KERB, road
from pipeline.sources.street.scene import Scene
from pipeline.sources.street.traffic import Route

SEEDS = range(6)


@pytest.fixture(scope="module", params=SEEDS)
def scene(request: pytest.FixtureRequest) -> Scene:
    return road(np.random.default_rng([request.param]), 256, 144)


def ends(route: Route) -> np.ndarray:
    """Return (2, 2), the start and the end of a route, metres."""
    poses = [route.path.pose(metres) for metres in (0.0, route.path.length)]
    return np.array([(pose.x, pose.y) for pose in poses])


def offsets(scene: Scene, kind: str) -> list[tuple[bool, float, float]]:
    """Return, of each route, whether it goes rightwards, and how far left of the axis it runs.

    The axis lies midway between the two lanes, whose offsets are known.
    """
    cars = [ends(route) for route in scene.routes if route.kind == "car"]
    rightwards = next(line for line in cars if line[1, 0] > line[0, 0])
    along = (rightwards[1] - rightwards[0]) / np.linalg.norm(rightwards[1] - rightwards[0])
    left = np.array([-along[1], along[0]])
    origin = rightwards[0] + 1.62 * left
    routes = [ends(route) for route in scene.routes if route.kind == kind]
    return [
        (bool((b - a) @ along > 0), (a - origin) @ left, (b - origin) @ left) for a, b in routes
    ]


def test_cars_keep_to_the_right_and_stay_in_their_lanes(scene: Scene) -> None:
    lanes = offsets(scene, "car")
    assert len(lanes) == 4
    for rightwards, start, end in lanes:
        assert start == pytest.approx(end, abs=1e-6)
        low, high = (CYCLE_EDGE, 0.0) if rightwards else (0.0, FAR_EDGE)
        assert low + 0.9 < start < high - 0.9  # half a car's width from the line


def test_riders_are_on_the_cycle_lane_or_share_a_lane_in_its_direction(scene: Scene) -> None:
    for rightwards, start, end in offsets(scene, "rider"):
        assert start == pytest.approx(end, abs=1e-6)
        on_cycle_lane = NEAR_KERB < start < CYCLE_EDGE
        assert on_cycle_lane if rightwards else 0 < start < FAR_EDGE


def test_walkers_stay_on_the_pavement_or_cross_the_whole_road(scene: Scene) -> None:
    crossing = []
    for _, start, end in offsets(scene, "walker"):
        if start == pytest.approx(end, abs=1e-6):
            assert start < NEAR_KERB or FAR_EDGE < start < FAR_KERB
        else:
            crossing.append((start, end))
            assert min(start, end) < NEAR_KERB and max(start, end) > FAR_EDGE
    assert len(crossing) == 2 and (crossing[0][0] < 0) is not (crossing[1][0] < 0)


def test_pedestrians_cross_after_the_vehicles_have_passed(scene: Scene) -> None:
    """The first seconds of a period are for vehicles, the next ones for the crossing."""
    zebra_at = []
    for route in scene.routes:
        if route.kind != "walker" or route.period != 18.0:
            continue
        poses = [route.path.pose(metres) for metres in np.arange(0, route.path.length, 0.1)]
        turned = next(k for k, pose in enumerate(poses) if _differs(pose.heading, poses[0].heading))
        zebra_at.append((route.offset + turned * 0.1 / route.speed) % 18.0)
    assert len(zebra_at) == 2 and all(6.0 < at < 11.0 for at in zebra_at)


def _differs(heading: float, other: float) -> bool:
    return abs((heading - other + math.pi) % (2 * math.pi) - math.pi) > math.pi / 4


def test_the_ground_has_the_size_of_the_image_and_its_markings_are_bright(scene: Scene) -> None:
    assert scene.ground.shape == (144, 256, 3) and scene.ground.dtype == np.uint8
    assert np.percentile(scene.ground, 99) > 170 > np.percentile(scene.ground, 50)


def test_parked_cars_are_labelled_and_trees_are_not(scene: Scene) -> None:
    assert all(parked.class_ids == (2,) for parked in scene.parked)
    assert all(thing.class_ids == () for thing in scene.things)
    assert scene.things  # a lamp post at least
