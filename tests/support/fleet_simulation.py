"""Nodes of a fleet without machines: they answer as a real one does, and start cameras at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.fleet.camera import CameraSpec, NodeSpec
from pipeline.fleet.config import FleetConfig
from pipeline.fleet.coordinator import Coordinator, Message
from pipeline.fleet.site import Site


class Node:
    """A node that does at once what it is told.

    written: (camera, epoch) of everything that it has ever written to
    unreachable: it goes on, and hears nothing
    """

    def __init__(self, cores: float = 4.0, labels: Mapping[str, str] | None = None) -> None:
        self.cores, self.labels = cores, labels or {}
        self.cameras: dict[str, dict[str, Any]] = {}
        self.shared, self.engine, self.why = "", "preparing", ""
        self.cost: list[float] | None = None
        self.state = "LIVE"  # of the cameras that it starts
        self.slow_to_stop = False
        self.unreachable = False
        self.term = 0
        self.idle_seconds: float | None = None
        self.starts: list[str] = []
        self.written: set[tuple[str, int]] = set()
        self.broken_by = ""  # digest of a configuration that it cannot run

    def answer(self, request: Message) -> dict[str, Any]:
        if request["op"] == "hello":
            return {"term": self.term, "idle_seconds": self.idle_seconds}
        if request["term"] < self.term:
            return {"superseded": "another coordinator has taken over"}
        self.term = request["term"]
        if request["op"] == "apply":
            self._apply(request)
        elif request["op"] == "metrics":
            return {"metrics": "# TYPE up gauge\nup 1\n"}
        elif request["op"] == "stop":
            self.cameras.clear()
        return {
            "term": self.term,
            "shared": self.shared,
            "engine": self.engine,
            "why": self.why,
            "cores": self.cores,
            "cameras": {name: {**each, "cost": self.cost} for name, each in self.cameras.items()},
        }

    def _apply(self, request: Message) -> None:
        wanted = request["cameras"]
        if request["shared"] is not None:
            self.shared = request["shared"]["digest"]
            self.engine = "failed" if self.shared == self.broken_by else "ready"
            self.why = "no engine" if self.engine == "failed" else ""
        for name in [name for name in self.cameras if name not in wanted]:
            if self.slow_to_stop:
                self.cameras[name]["state"] = "STOPPING"
            else:
                del self.cameras[name]
        for name, each in wanted.items():
            known = self.cameras.get(name)
            if known is None or known["epoch"] != each["epoch"]:
                self.starts.append(name)
                self.written.add((name, each["epoch"]))
                self.cameras[name] = {
                    "epoch": each["epoch"],
                    "digest": each["digest"],
                    "state": self.state,
                }


class Simulation:
    """A coordinator and its nodes, and the time, which goes on when it is told to."""

    def __init__(self, folder: Path, nodes: Mapping[str, Node], **options: Any) -> None:
        self.all = dict(nodes)
        self.config = FleetConfig(folder=str(folder), **options)
        self.now = 1000.0
        self.site = site()
        self.coordinator: Coordinator

    def nodes(self) -> Sequence[NodeSpec]:
        return [NodeSpec(name, node.cores, node.labels) for name, node in self.all.items()]

    def ask(self, requests: Mapping[str, Message], timeout: float) -> dict[str, Message]:
        there = {name: self.all[name] for name in requests if name in self.all}
        return {
            name: node.answer(requests[name])
            for name, node in there.items()
            if not node.unreachable
        }

    def begin(self) -> None:
        """Start a coordinator, as a new process does."""
        self.coordinator = Coordinator(
            self,
            self.config,
            lambda: self.site,
            lambda model: (),
            clock=lambda: self.now,
            wall=lambda: self.now,
        )

    def rounds(self, count: int = 5) -> None:
        """Do some rounds, one a second."""
        for _ in range(count):
            self.now += 1
            self.coordinator.round()

    def runs(self) -> dict[str, list[str]]:
        """Return which nodes run each camera."""
        return {
            camera.name: [name for name, node in self.all.items() if camera.name in node.cameras]
            for camera in self.site.cameras
        }

    def status(self) -> dict[str, Any]:
        return self.coordinator.status()


def site(count: int = 6, shared: str = "v1", **changed: str) -> Site:
    """Return a site of cameras; changed: other digests of single cameras."""
    names = [f"cam{number}" for number in range(count)]
    return Site(
        [CameraSpec(name, digest=changed.get(name, "d1")) for name in names],
        {name: {"url": f"rtsp://{name}"} for name in names},
        {"digest": shared, "config": {}, "model": None},
    )


def assert_each_camera_runs_once(simulation: Simulation) -> None:
    """Check that no camera is dark, and none runs twice."""
    assert {len(nodes) for nodes in simulation.runs().values()} == {1}


def starts(simulation: Simulation) -> Counter[str]:
    """Return how often each camera was started, on whatever node."""
    return Counter(name for node in simulation.all.values() for name in node.starts)
