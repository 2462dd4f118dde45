"""The coordinator: what it writes down, how it takes over, and that there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from pipeline.connections.local_socket import Message
from pipeline.fleet.state_file import read_state
from pipeline.fleet.terms import Superseded
from tests.support.fleet_simulation import Node, Simulation, starts


def test_what_was_moved_by_hand_stays_also_with_the_next_coordinator(
    simulation: Simulation,
) -> None:
    for name in simulation.runs():
        simulation.coordinator.answer({"op": "move", "camera": name, "node": "a"})
    simulation.rounds(200)
    assert len(simulation.all["a"].cameras) == 6
    simulation.begin()
    simulation.rounds(200)
    assert len(simulation.all["a"].cameras) == 6


def test_a_new_coordinator_goes_on_from_its_file_and_restarts_nothing(
    simulation: Simulation,
) -> None:
    before = starts(simulation)
    simulation.begin()
    simulation.rounds(100)
    assert starts(simulation) == before
    assert {node.term for node in simulation.all.values()} == {2}


def test_a_new_coordinator_without_a_file_asks_the_nodes_and_restarts_nothing(
    simulation: Simulation, tmp_path: Path
) -> None:
    (tmp_path / "state.json").unlink()
    before = starts(simulation)
    simulation.begin()
    simulation.rounds(100)
    assert starts(simulation) == before
    assert {node.term for node in simulation.all.values()} == {2}


def test_a_coordinator_waits_for_the_nodes_that_it_knows(simulation: Simulation) -> None:
    simulation.all["a"].unreachable = True
    before = starts(simulation)
    simulation.begin()
    simulation.rounds(25)
    assert starts(simulation) == before
    simulation.rounds(10)
    assert starts(simulation) != before


def test_the_former_coordinator_learns_that_it_has_a_successor(simulation: Simulation) -> None:
    former = simulation.coordinator
    simulation.begin()
    simulation.rounds(1)
    with pytest.raises(Superseded, match="another coordinator has taken over"):
        former.round()


def test_a_second_coordinator_is_refused_while_the_first_is_at_work(
    simulation: Simulation,
) -> None:
    for node in simulation.all.values():
        node.idle_seconds = 2.0
    Path(simulation.config.folder, "state.json").unlink()
    simulation.begin()
    with pytest.raises(Superseded, match="another coordinator is at work"):
        simulation.rounds(30)


def test_a_decision_is_on_the_disk_before_a_node_hears_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = Simulation(tmp_path, {"a": Node()})
    node, seen = simulation.all["a"], []
    answer = node.answer

    def note(request: dict[str, object]) -> dict[str, object]:
        if request["op"] == "apply":
            state = read_state(tmp_path)
            assert state
            seen.append(state["leases"]["held"])
        return answer(request)

    node.answer = note  # type: ignore[method-assign,assignment]
    simulation.begin()
    simulation.rounds()
    assert [set(held) for held in seen if held] == [set(simulation.runs())]
    assert "rtsp" not in (tmp_path / "state.json").read_text()


def test_stop_ends_all_cameras(simulation: Simulation) -> None:
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(simulation.coordinator.answer, {"op": "stop"})
        simulation.coordinator.run(Event())
    assert stopping.result()["cameras"]
    assert all(not node.cameras for node in simulation.all.values())
    state = json.loads(Path(simulation.config.folder, "state.json").read_text())
    assert state["leases"]["held"] == {}


def test_a_node_that_answers_late_is_told_to_end_too(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, asked = simulation.all["b"], []
    late.unreachable = True
    ask = simulation.ask

    def note(requests: Mapping[str, Message], timeout: float) -> dict[str, Message]:
        answers = ask(requests, timeout)
        if any(request["op"] == "stop" for request in requests.values()):
            asked.append(set(requests))
            late.unreachable = False
        return answers

    monkeypatch.setattr(simulation, "ask", note)
    with ThreadPoolExecutor() as pool:
        pool.submit(simulation.coordinator.answer, {"op": "stop"})
        simulation.coordinator.run(Event())
    assert asked == [set(simulation.all), {"b"}]
    assert not late.cameras


def test_without_its_file_a_coordinator_waits_until_the_former_one_is_silent(
    simulation: Simulation, tmp_path: Path
) -> None:
    (tmp_path / "state.json").unlink()
    for node in simulation.all.values():
        node.idle_seconds = 2.0
    before = starts(simulation)
    simulation.begin()
    simulation.rounds(5)
    assert "another coordinator asked it" in simulation.status()["nodes"]["b"]["why"]
    for node in simulation.all.values():
        node.idle_seconds = 11.0
    simulation.rounds(5)
    assert starts(simulation) == before
    assert {camera["state"] for camera in simulation.status()["cameras"].values()} == {"LIVE"}
