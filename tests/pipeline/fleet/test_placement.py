"""Placement: what must hold for every choice, and how much work it is."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fleet.camera import CameraSpec, Cost, NodeSpec
from pipeline.fleet.placement import place

NODES = [NodeSpec(name, 4.0) for name in "abc"]


def cameras(count: int, **options: object) -> list[CameraSpec]:
    return [CameraSpec(f"cam{number}", **options) for number in range(count)]  # type: ignore[arg-type]


def test_equal_cameras_are_spread_evenly() -> None:
    placement = place(cameras(12), NODES, {}, _costs(cameras(12), 0.5), headroom=0.25)
    assert Counter(placement.assigned.values()) == {"a": 4, "b": 4, "c": 4}


def test_cameras_that_run_stay_where_they_are() -> None:
    current = {f"cam{number}": "a" for number in range(6)}
    placement = place(cameras(7), NODES, current, _costs(cameras(7), 0.4), headroom=0.25)
    assert {name: placement.assigned[name] for name in current} == current
    assert placement.assigned["cam6"] != "a"


def test_the_headroom_is_for_cameras_that_have_lost_their_node() -> None:
    alone = [NodeSpec("a", 4.0)]
    costs = _costs(cameras(4), 1.0)
    usual = place(cameras(4), alone, {}, costs, headroom=0.25)
    assert len(usual.assigned) == 3
    assert list(usual.waiting.values()) == [
        "no node has 1.00 cores left of the 75% that are used: add a node"
    ]
    urgent = place(cameras(4), alone, {}, costs, headroom=0.25, urgent={"cam3"})
    assert len(urgent.assigned) == 3 and "cam3" in urgent.assigned  # it comes first
    rest = place(cameras(4), alone, usual.assigned, costs, headroom=0.25, urgent={"cam3"})
    assert len(rest.assigned) == 4


def test_a_busy_engine_fills_a_node_as_busy_cores_do() -> None:
    costs = {"cam0": Cost(0.1, 0.7), "cam1": Cost(0.1, 0.7)}
    placement = place(cameras(2), NODES, {}, costs, headroom=0.25)
    assert len(set(placement.assigned.values())) == 2


def test_a_camera_runs_only_where_its_labels_are() -> None:
    nodes = [NodeSpec("a", 4.0, {"site": "north"}), NodeSpec("b", 64.0, {"site": "south"})]
    wanted = cameras(2, labels={"site": "north"})
    placement = place(wanted, nodes, {}, _costs(wanted, 0.5), headroom=0.25)
    assert set(placement.assigned.values()) == {"a"}
    nowhere = cameras(1, labels={"site": "west"})
    placement = place(nowhere, nodes, {}, _costs(nowhere, 0.5), headroom=0.25)
    assert placement.waiting == {"cam0": "no node has the labels site=west"}


def test_cameras_of_a_place_are_apart_while_there_are_nodes_and_together_rather_than_dark() -> None:
    door = cameras(4, place="door")
    placement = place(door, NODES, {}, _costs(door, 0.1), headroom=0.25)
    assert sorted(Counter(placement.assigned.values()).values()) == [1, 1, 2]


@given(
    costs=st.lists(st.sampled_from([0.1, 0.3, 0.7, 1.5, 3.0]), min_size=1, max_size=30),
    cores=st.lists(st.sampled_from([2.0, 4.0, 8.0]), min_size=1, max_size=6),
    places=st.lists(st.sampled_from([None, "door", "yard"]), min_size=30, max_size=30),
)
def test_no_node_is_used_beyond_its_limit_and_no_place_is_crowded_without_need(
    costs: list[float], cores: list[float], places: list[str | None]
) -> None:
    nodes = [NodeSpec(f"n{number}", each) for number, each in enumerate(cores)]
    some = [CameraSpec(f"cam{k}", places[k]) for k in range(len(costs))]
    by_name = {camera.name: Cost(cost) for camera, cost in zip(some, costs, strict=True)}
    placement = place(some, nodes, {}, by_name, headroom=0.25)
    assert placement.assigned.keys() | placement.waiting.keys() == by_name.keys()
    used: dict[str, float] = defaultdict(float)
    for name, node in placement.assigned.items():
        used[node] += by_name[name].cores
    for each in nodes:
        assert used[each.name] <= each.cores * 0.75 + 1e-9
    for name in placement.waiting:
        assert all(used[n.name] + by_name[name].cores > n.cores * 0.75 - 1e-9 for n in nodes)


@pytest.mark.parametrize("place_size", [1, 4, 1000], ids=["no places", "small places", "one place"])
def test_the_work_grows_in_proportion_to_the_cameras(place_size: int) -> None:
    def considered(count: int) -> int:
        some = [CameraSpec(f"cam{k}", f"place{k // place_size}") for k in range(count)]
        nodes = [NodeSpec(f"n{k}", 16.0) for k in range(count // 20)]
        placement = place(some, nodes, {}, _costs(some, 0.5), headroom=0.25)
        assert not placement.waiting
        return placement.considered

    assert considered(2000) <= 4.5 * considered(500)


def _costs(some: list[CameraSpec], cores: float) -> dict[str, Cost]:
    return {camera.name: Cost(cores) for camera in some}
