"""The decisions: every camera runs once, whatever leaves and comes back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from detector.errors import UsageError
from tests.support.fleet_simulation import (
    Node,
    Simulation,
    assert_each_camera_runs_once,
    site,
    starts,
)


def test_cameras_are_spread_and_nothing_happens_then(simulation: Simulation) -> None:
    assert sorted(len(node.cameras) for node in simulation.all.values()) == [2, 2, 2]
    before = starts(simulation)
    simulation.rounds(200)
    assert starts(simulation) == before == Counter(dict.fromkeys(before, 1))


def test_the_cameras_of_a_lost_node_run_elsewhere_and_the_others_are_not_touched(
    simulation: Simulation,
) -> None:
    lost = set(simulation.all["a"].cameras)
    simulation.all["a"].unreachable = True
    simulation.rounds(12)
    runs = simulation.runs()
    assert all(len(runs[name]) == 2 for name in lost)  # the lost node goes on, and does not know
    again = {name for node in "bc" for name in simulation.all[node].starts} & lost
    assert again == lost
    assert all(count == 1 for name, count in starts(simulation).items() if name not in lost)


def test_a_node_that_returns_lets_its_cameras_go_and_has_written_beside_nobody(
    simulation: Simulation,
) -> None:
    simulation.all["a"].unreachable = True
    simulation.rounds(12)
    simulation.all["a"].unreachable = False
    simulation.rounds()
    assert_each_camera_runs_once(simulation)
    written = [pair for node in simulation.all.values() for pair in node.written]
    assert len(written) == len(set(written)), "two nodes wrote with one epoch"


def test_a_node_that_returns_gets_cameras_back_once_it_pays(simulation: Simulation) -> None:
    for node in simulation.all.values():
        node.cost = [0.9, 0.0]
    simulation.rounds(60)
    simulation.all["a"].unreachable = True
    simulation.rounds(12)
    simulation.all["a"].unreachable = False
    simulation.rounds(300)
    assert_each_camera_runs_once(simulation)
    assert len(simulation.all["a"].cameras) == 2
    before = starts(simulation)
    simulation.rounds(300)
    assert starts(simulation) == before


def test_a_camera_is_started_only_after_its_former_node_has_let_it_go(
    simulation: Simulation,
) -> None:
    camera = next(iter(simulation.all["a"].cameras))
    simulation.all["a"].slow_to_stop = True
    simulation.coordinator.answer({"op": "move", "camera": camera, "node": "b"})
    simulation.rounds(3)
    assert simulation.runs()[camera] == ["a"]
    del simulation.all["a"].cameras[camera]
    simulation.rounds(2)
    assert simulation.runs()[camera] == ["b"]


def test_a_change_of_one_camera_restarts_one(simulation: Simulation) -> None:
    before = starts(simulation)
    simulation.site = site(cam3="d2")
    simulation.coordinator.answer({"op": "reload"})
    simulation.rounds()
    assert starts(simulation) - before == Counter({"cam3": 1})


def test_a_change_of_what_is_shared_goes_from_node_to_node(simulation: Simulation) -> None:
    for node in simulation.all.values():
        node.state = "CONNECTING"
    simulation.site = site(shared="v2")
    simulation.coordinator.answer({"op": "reload"})
    simulation.rounds(20)
    assert Counter(node.shared for node in simulation.all.values()) == {"v1": 2, "v2": 1}
    for node in simulation.all.values():
        node.state = "LIVE"
        for camera in node.cameras.values():
            camera["state"] = "LIVE"
    simulation.rounds(10)
    assert {node.shared for node in simulation.all.values()} == {"v2"}
    assert_each_camera_runs_once(simulation)


def test_a_new_model_that_a_node_cannot_run_stops_the_change(simulation: Simulation) -> None:
    simulation.all["a"].broken_by = simulation.all["b"].broken_by = "v2"
    simulation.site = site(shared="v2")
    simulation.coordinator.answer({"op": "reload"})
    simulation.rounds(150)
    assert "v1" in {node.shared for node in simulation.all.values()}
    assert_each_camera_runs_once(simulation)


def test_a_node_that_cannot_run_the_model_says_why_and_gets_no_camera(tmp_path: Path) -> None:
    broken, sound = Node(), Node()
    broken.broken_by = "v1"
    simulation = Simulation(tmp_path, {"broken": broken, "sound": sound})
    simulation.begin()
    simulation.rounds()
    assert_each_camera_runs_once(simulation)
    assert not broken.cameras
    assert simulation.status()["nodes"]["broken"]["why"] == "no engine"


def test_a_drained_node_runs_nothing_until_it_is_used_again(simulation: Simulation) -> None:
    simulation.coordinator.answer({"op": "drain", "node": "a", "on": True})
    simulation.rounds()
    assert not simulation.all["a"].cameras
    assert_each_camera_runs_once(simulation)
    with pytest.raises(UsageError, match=r"no node 'd'.*accepted: a, b, c"):
        simulation.coordinator.answer({"op": "drain", "node": "d", "on": True})


def test_a_node_is_drained_only_as_far_as_others_have_room(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, {"a": Node(), "b": Node(1.0)})
    simulation.begin()
    simulation.rounds()
    simulation.coordinator.answer({"op": "drain", "node": "a", "on": True})
    simulation.rounds()
    assert_each_camera_runs_once(simulation)
    assert simulation.all["a"].cameras


def test_a_camera_that_has_ended_is_started_again_after_a_while(simulation: Simulation) -> None:
    node = next(node for node in simulation.all.values() if "cam0" in node.cameras)
    node.cameras["cam0"]["state"] = "FAILED"
    simulation.rounds(20)
    assert node.starts.count("cam0") == 1
    simulation.rounds(20)
    assert node.starts.count("cam0") == 2 and node.cameras["cam0"]["state"] == "LIVE"


def test_a_process_that_has_forgotten_its_cameras_gets_them_with_new_epochs(
    simulation: Simulation,
) -> None:
    node = simulation.all["a"]
    before = {name: each["epoch"] for name, each in node.cameras.items()}
    node.cameras.clear()
    simulation.rounds(2)
    assert node.cameras.keys() == before.keys()
    assert all(node.cameras[name]["epoch"] > epoch for name, epoch in before.items())


def test_five_hundred_cameras_take_five_times_the_work_of_a_hundred(tmp_path: Path) -> None:
    def considered(count: int) -> int:
        nodes = {f"n{number}": Node(16.0) for number in range(count // 20)}
        simulation = Simulation(tmp_path / str(count), nodes)
        simulation.site = site(count)
        simulation.begin()
        simulation.rounds(3)
        assert_each_camera_runs_once(simulation)
        return simulation.coordinator.considered

    assert considered(500) <= 5.5 * considered(100)


def test_a_camera_whose_labels_change_moves_to_a_node_that_has_them(tmp_path: Path) -> None:
    nodes = {"a": Node(labels={"site": "north"}), "b": Node(labels={"site": "south"})}
    simulation = Simulation(tmp_path, nodes)
    simulation.begin()
    simulation.rounds()
    moved = next(iter(nodes["a"].cameras))
    simulation.site = replace(
        simulation.site,
        cameras=[
            replace(camera, labels={"site": "south"} if camera.name == moved else {})
            for camera in simulation.site.cameras
        ],
    )
    simulation.coordinator.answer({"op": "reload"})
    simulation.rounds()
    assert moved in nodes["b"].cameras
    assert_each_camera_runs_once(simulation)


def test_a_camera_that_is_away_is_not_taken_to_be_cheap(simulation: Simulation) -> None:
    for node in simulation.all.values():
        node.cost = [0.9, 0.1]
    simulation.rounds(60)
    for node in simulation.all.values():
        node.cost = [0.0, 0.0]
        for camera in node.cameras.values():
            camera["state"] = "BACKOFF"
    simulation.rounds(60)
    assert all(each["cores"] > 0.8 for each in simulation.status()["cameras"].values())
