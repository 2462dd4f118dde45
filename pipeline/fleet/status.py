"""The state of a fleet, as data and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.fleet.camera import READY
from pipeline.fleet.fleet import Fleet

WAITING = "WAITING"  # state of a camera that no node runs


def status_of(fleet: Fleet, absent: Mapping[str, str], now: float) -> dict[str, Any]:
    """Return nodes and cameras, ready for JSON.

    absent: why nodes that are there do not answer
    """
    used: dict[str, float] = {}
    count: dict[str, int] = {}
    for name in fleet.leases:
        node = fleet.leases[name].node
        used[node] = used.get(node, 0.0) + fleet.cost(name).cores
        count[node] = count.get(node, 0) + 1
    nodes = {
        name: {
            "state": _node_state(fleet, name, now),
            "why": _why(fleet, name, absent, now),
            "cores": member.spec.cores if member.report else None,
            "cores_used": round(used.get(name, 0.0), 2),
            "cameras": count.get(name, 0),
            "labels": dict(member.spec.labels),
        }
        for name, member in fleet.members.items()
    }
    for name, why in absent.items():
        nodes.setdefault(name, {"state": "absent", "why": why, "cameras": 0})
    cameras = {name: _camera(fleet, name, now) for name in fleet.cameras}
    return {"term": fleet.term, "nodes": nodes, "cameras": cameras}


def is_healthy(status: Mapping[str, Any]) -> bool:
    """Return whether every camera is live."""
    return all(camera["state"] == "LIVE" for camera in status["cameras"].values())


def status_text(status: Mapping[str, Any]) -> str:
    """Return the status as two tables."""
    return "\n".join([*_node_lines(status["nodes"]), "", *_camera_lines(status["cameras"])])


def _node_state(fleet: Fleet, name: str, now: float) -> str:
    member = fleet.members[name]
    if not fleet.members.is_alive(name, now):
        return "dead" if member.heard_at is not None else "not heard yet"
    if name in fleet.drained:
        return "drained"
    assert member.report
    return member.report.engine


def _why(fleet: Fleet, name: str, absent: Mapping[str, str], now: float) -> str:
    member = fleet.members[name]
    if name in absent:
        return absent[name]
    alive = fleet.members.is_alive(name, now)
    return member.report.why if alive and member.report and member.report.engine != READY else ""


def _camera(fleet: Fleet, name: str, now: float) -> dict[str, Any]:
    lease = fleet.leases.get(name)
    if lease is None:
        return {"node": None, "state": WAITING, "why": fleet.waiting.get(name, "")}
    member, cost = fleet.members[lease.node], fleet.cost(name)
    running = member.report.cameras.get(name) if member.report else None
    current = running if running and running.epoch == lease.epoch else None
    alive = fleet.members.is_alive(lease.node, now)
    return {
        "node": lease.node,
        "epoch": lease.epoch,
        "state": "UNKNOWN" if not alive else current.state if current else "STARTING",
        "cores": round(cost.cores, 3),
        "engine": round(cost.engine, 3),
        **(current.details if current else {}),
    }


def _node_lines(nodes: Mapping[str, Any]) -> Iterator[str]:
    width = _width(nodes)
    yield f"{'node':<{width}}{'state':<15}{'cameras':>8}{'cores used':>12}"
    for name, node in sorted(nodes.items()):
        cores = f"{node['cores_used']:.1f} of {node['cores']:.0f}" if node.get("cores") else "-"
        line = f"{name:<{width}}{node['state']:<15}{node['cameras']:>8}{cores:>12}"
        yield f"{line}  {node['why']}".rstrip()


def _camera_lines(cameras: Mapping[str, Any]) -> Iterator[str]:
    width, node_width = _width(cameras), _width(each["node"] or "-" for each in cameras.values())
    columns = f"{'cores':>6}{'frames':>10}{'p95 ms':>8}"
    yield f"{'camera':<{width}}{'state':<12}{'node':<{node_width}}{columns}"
    for name, camera in sorted(cameras.items()):
        latency = camera.get("latency_ms") or {}
        yield (
            f"{name:<{width}}{camera['state']:<12}{camera['node'] or '-':<{node_width}}"
            f"{camera.get('cores', 0.0):>6.2f}{camera.get('emitted', 0):>10}"
            f"{latency.get('p95', 0.0):>8.0f}  {camera.get('why', '')}"
        ).rstrip()


def _width(names: Iterable[str]) -> int:
    """Return the width of a column with names."""
    return max((len(name) + 2 for name in names), default=0)
