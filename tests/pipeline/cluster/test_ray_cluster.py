"""A fleet on a real Ray cluster, with real cameras: what must go on when something ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cameras import require_gstreamer, until
from tests.support.fleet_cameras import PASSWORD, fleet_site, recorded, small_cameras
from tests.support.fleet_command import FleetCommand, command_line
from tests.support.ray_cluster import NODES, ClusterHolder, RayCluster

COUNT = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fleet")


@pytest.fixture(scope="module")
def fleet(folder: Path) -> Iterator[FleetCommand]:
    require_gstreamer()
    with small_cameras(folder, COUNT) as server:
        made = FleetCommand(folder, fleet_site(server, COUNT, folder))
        yield made
        made.clean_up()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_cameras_go_on_whatever_ends(fleet: FleetCommand, clusters: ClusterHolder) -> None:
    cluster = clusters.now
    fleet.start(cluster.address)
    until(fleet.all_live, "all cameras live")
    assert_spread_and_shown(fleet)
    assert_a_change_restarts_one(fleet)
    assert_a_lost_node_has_a_successor_and_lets_go(fleet, cluster)
    assert_no_log_has_the_password(fleet, cluster)
    before, packets = fleet.epochs(), fleet.packets("n1")
    cluster.tell(kill_head=True)
    until(lambda: fleet.process.poll() is not None, "the end of the command without a head")
    until(lambda: all(fleet.packets("n1")[name] > packets[name] for name in packets))
    fleet.start(clusters.renew().address)
    until(fleet.all_live, "the new head's view of all cameras")
    assert fleet.epochs() == before
    assert all(each["connections"] == 1 for each in fleet.cameras().values())
    assert fleet.command("stop")[0] == 0
    assert fleet.process.wait(60) == 0
    until(lambda: not fleet.pids(), "the end of all nodes")
    assert_recorded_once(fleet, before)


def assert_spread_and_shown(fleet: FleetCommand) -> None:
    """Cameras of one place are on different nodes; status and metrics show all of them."""
    nodes = {name: node for name, (node, _) in fleet.epochs().items()}
    assert set(nodes.values()) == set(NODES)
    assert all(nodes[f"cam{k}"] != nodes[f"cam{k + 1}"] for k in range(0, COUNT, 2))
    assert json.loads(fleet.get("/api/v1/fleet"))["nodes"].keys() == set(NODES)
    metrics = fleet.get("/metrics")
    for name, node in nodes.items():
        assert (
            f'framelane_camera_state{{node="{node}",camera="{name}",state="live"}} 1.0' in metrics
        )
    code, text = fleet.command("status")
    assert code == 0 and all(name in text for name in nodes)


def assert_a_change_restarts_one(fleet: FleetCommand) -> None:
    before = fleet.epochs()
    fleet.site["sources"][3]["max_age"] = 0.7
    fleet.write()
    assert fleet.command("reload")[0] == 0
    until(lambda: fleet.epochs() != before and fleet.all_live(), "the change")
    after = fleet.epochs()
    assert {name for name in after if after[name] != before[name]} == {"cam3"}
    assert all(each["connections"] == 1 for name, each in fleet.cameras().items() if name != "cam3")


def assert_a_lost_node_has_a_successor_and_lets_go(
    fleet: FleetCommand, cluster: RayCluster
) -> None:
    """The node is cut off: it goes on, and lets its cameras go when it is back."""
    before = fleet.epochs()
    lost = {name for name, (node, _) in before.items() if node == "n2"}
    cluster.tell(remove="n2")
    until(
        lambda: all(fleet.epochs()[name][0] != "n2" for name in lost) and fleet.all_live(),
        "the cameras of the lost node elsewhere",
    )
    assert lost <= fleet.packets("n2").keys()  # it does not know
    cluster.tell(add="n2")
    until(lambda: not lost & fleet.packets("n2").keys(), "the end of what the node still ran")
    after = fleet.epochs()
    assert {name for name in after if after[name] != before[name]} == lost
    assert all(after[name][1] > before[name][1] for name in lost)
    assert all(each["connections"] == 1 for each in fleet.cameras().values())


def assert_no_log_has_the_password(fleet: FleetCommand, cluster: RayCluster) -> None:
    logs = [path for path in cluster.session.rglob("*") if path.is_file()]
    logs += [fleet.log, *(fleet.folder / "fleet").glob("*.json")]
    logs += (fleet.folder / "nodes").glob("*/logs/*")
    assert len(logs) > 10
    assert [path for path in logs if PASSWORD.encode() in path.read_bytes()] == []
    commands = map(command_line, Path("/proc").iterdir())
    ours = [command for command in commands if b"rtsp_server.py" not in command]
    assert not any(PASSWORD.encode() in command for command in ours)


def assert_recorded_once(fleet: FleetCommand, last: dict[str, tuple[str, int]]) -> None:
    """Each lease has files of its own, which FFmpeg reads; a recording has gone on to its end."""
    for name, (_, epoch) in last.items():
        counts = recorded(fleet.folder, name)
        assert f"epoch-{epoch:010d}" in counts and all(counts.values())
