"""A fleet on a real Ray cluster, with real cameras: what must go on when something ends."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.fleet.coordinator import SOCKET
from pipeline.local_socket import NotThere, ask
from pipeline.node.launch import ask_node
from tests.support.cameras import Server, require_gstreamer, until
from tests.support.environment import PASSWORD
from tests.support.fleet_cameras import fleet_site, recorded, small_cameras
from tests.support.ray_cluster import NODES, ClusterHolder, RayCluster, framelane

COUNT = 6


class Fleet:
    """The command `framelane fleet`, and what it says about nodes and cameras."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.site = fleet_site(server, COUNT, folder, serve="127.0.0.1:0")
        self.log = folder / "fleet.log"
        self.process: Any = None

    def write(self) -> None:
        (self.folder / "site.yaml").write_text(yaml.safe_dump(self.site))

    def start(self, address: str) -> None:
        self.write()
        self.process = framelane(
            "fleet", str(self.folder / "site.yaml"), "--cluster", address, log=self.log
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        try:
            return ask(self.folder / "fleet" / SOCKET, request, 30.0)
        except NotThere:
            assert self.process.poll() is None, self.log.read_text()
            return {"nodes": {}, "cameras": {}}

    def command(self, *words: str) -> tuple[int, str]:
        process = framelane("fleet", *words, "--folder", str(self.folder / "fleet"))
        return process.wait(60), process.communicate(timeout=60)[0]

    def cameras(self) -> dict[str, Any]:
        return dict(self.ask(op="status")["cameras"])

    def all_live(self) -> bool:
        found = self.cameras()
        return len(found) == COUNT and all(each["state"] == "LIVE" for each in found.values())

    def epochs(self) -> dict[str, tuple[str, int]]:
        return {name: (each["node"], each["epoch"]) for name, each in self.cameras().items()}

    def get(self, path: str) -> str:
        port = self.log.read_text().rpartition("http://127.0.0.1:")[2].split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def packets(self, node: str) -> dict[str, int]:
        """Return what a node has recorded so far, asked without the cluster."""
        place = self.folder / "nodes" / node
        term = ask_node(place, {"op": "hello"})["term"]
        report = ask_node(place, {"op": "report", "term": term})
        return {
            name: each["details"]["recording"]["packets"]
            for name, each in report["cameras"].items()
            if each["state"] == "LIVE"
        }

    def pids(self) -> list[int]:
        return [
            int(path.name)
            for path in Path("/proc").iterdir()
            if path.name.isdecimal() and str(self.folder / "nodes").encode() in _command(path)
        ]


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fleet")


@pytest.fixture(scope="module")
def fleet(folder: Path) -> Iterator[Fleet]:
    require_gstreamer()
    with small_cameras(folder, COUNT) as server:
        made = Fleet(folder, server)
        yield made
        if made.process and made.process.poll() is None:
            made.process.kill()
            made.process.wait()
        for pid in made.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, 9)


@pytest.mark.timeout(600)
def test_cameras_go_on_whatever_ends(fleet: Fleet, clusters: ClusterHolder) -> None:
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


def assert_spread_and_shown(fleet: Fleet) -> None:
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


def assert_a_change_restarts_one(fleet: Fleet) -> None:
    before = fleet.epochs()
    fleet.site["sources"][3]["max_age"] = 0.7
    fleet.write()
    assert fleet.command("reload")[0] == 0
    until(lambda: fleet.epochs() != before and fleet.all_live(), "the change")
    after = fleet.epochs()
    assert {name for name in after if after[name] != before[name]} == {"cam3"}
    assert all(each["connections"] == 1 for name, each in fleet.cameras().items() if name != "cam3")


def assert_a_lost_node_has_a_successor_and_lets_go(fleet: Fleet, cluster: RayCluster) -> None:
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


def assert_no_log_has_the_password(fleet: Fleet, cluster: RayCluster) -> None:
    logs = [path for path in cluster.session.rglob("*") if path.is_file()]
    logs += [fleet.log, *(fleet.folder / "fleet").glob("*.json")]
    logs += (fleet.folder / "nodes").glob("*/logs/*")
    assert len(logs) > 10
    assert [path for path in logs if PASSWORD.encode() in path.read_bytes()] == []
    commands = map(_command, Path("/proc").iterdir())
    ours = [command for command in commands if b"rtsp_server.py" not in command]
    assert not any(PASSWORD.encode() in command for command in ours)


def assert_recorded_once(fleet: Fleet, last: dict[str, tuple[str, int]]) -> None:
    """Each lease has files of its own, which FFmpeg reads; a recording has gone on to its end."""
    for name, (_, epoch) in last.items():
        counts = recorded(fleet.folder, name)
        assert f"epoch-{epoch:010d}" in counts and all(counts.values())
