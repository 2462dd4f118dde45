"""What a fleet should do next, decided from the configuration and the reports of the nodes.

Plain code: it is told what was heard and what time it is, and returns what is to be sent.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detector.errors import UsageError, did_you_mean
from pipeline.fleet.camera import CameraSpec, Cost, NodeSpec, Report, Running
from pipeline.fleet.config import FleetConfig
from pipeline.fleet.leases import Lease, Leases
from pipeline.fleet.members import Members
from pipeline.fleet.orders import Orders, orders_for
from pipeline.fleet.placement import Placement, place
from pipeline.fleet.rebalance import best_move

log = logging.getLogger("framelane")

QUIET_SECONDS = 60.0  # after a change, before a move that only balances the load
RETRY_SECONDS = 30.0  # before a camera that has ended is started again
SMOOTHING = 0.2  # weight of a new measurement of a camera's cost
LIVE = "LIVE"
NO_NODE = "no node is alive that can run the model"
OVER = frozenset({"FAILED", "ENDED"})  # states of a camera that do not change by themselves


@dataclass
class Decision:
    """orders: for the nodes that should change; changed: the state must be saved first."""

    orders: dict[str, Orders] = field(default_factory=dict)
    changed: bool = False


class Fleet:
    """The cameras, their leases, and the nodes.

    In all methods, `now` is in seconds that never go back, and `wall` in seconds since 1970.

    term: number of the coordinator; nodes obey the one with the highest
    """

    def __init__(self, config: FleetConfig, started_at: float) -> None:
        self.config = config
        self.term = 1
        self.leases = Leases()
        self.members = Members(config.dead_after_seconds, started_at)
        self.drained: set[str] = set()
        self.pinned: dict[str, str] = {}
        self.waiting: dict[str, str] = {}  # camera -> why no node runs it
        self.considered = 0  # how often placement has looked at a node
        self._cameras: dict[str, CameraSpec] = {}
        self._costs: dict[str, Cost] = {}
        self._lost: set[str] = set()  # cameras whose node was lost
        self._over_since: dict[str, float] = {}
        self._started_at = started_at
        self._changed_at = started_at
        self._dirty = True

    @property
    def cameras(self) -> Mapping[str, CameraSpec]:
        """The cameras by name."""
        return self._cameras

    def configure(self, cameras: Sequence[CameraSpec], shared: str) -> None:
        """Set what should run; shared: digest of what all cameras have in common."""
        self._cameras = {camera.name: camera for camera in cameras}
        self.members.want(shared)
        for name in [name for name in self.leases if name not in self._cameras]:
            self._end(name)
        for table in (self.pinned, self._costs, self._over_since):
            for name in [name for name in table if name not in self._cameras]:
                del table[name]

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue what an earlier coordinator has written down."""
        self.term = state["term"] + 1
        self.leases = Leases.from_data(state["leases"])
        self.drained, self.pinned = set(state["drained"]), dict(state["pinned"])
        self._costs = {name: Cost(*each) for name, each in state["costs"].items()}
        for name in self.leases:
            self.members.expect(self.leases[name].node)

    def state(self) -> dict[str, Any]:
        """Return what the next coordinator must know, ready for JSON."""
        return {
            "term": self.term,
            "leases": self.leases.as_data(),
            "drained": sorted(self.drained),
            "pinned": self.pinned,
            "costs": {name: [cost.cores, cost.engine] for name, cost in self._costs.items()},
        }

    def heard(self, spec: NodeSpec, report: Report, now: float) -> None:
        """Note the report of a node."""
        self.members.heard(spec, report, now)
        for name, running in report.cameras.items():
            self.leases.seen(name, running.epoch)
            self._adopt(spec.name, name, running)
            self._measure(name, running, now)

    def drain(self, node: str, on: bool) -> None:
        """Take all cameras from a node, and give it none until this is undone."""
        if node not in self.members:
            raise UsageError(f"no node '{node}'{did_you_mean(node, self.members)}")
        (self.drained.add if on else self.drained.discard)(node)
        if on:
            self.pinned = {name: there for name, there in self.pinned.items() if there != node}
        self._dirty = True

    def move(self, camera: str, node: str, now: float, wall: float) -> None:
        """Run a camera on a node, and leave it there. Raises UsageError if that cannot be."""
        if camera not in self._cameras:
            raise UsageError(f"no camera '{camera}'{did_you_mean(camera, self._cameras)}")
        nodes = {spec.name: spec for spec in self.members.usable(now, self.drained)}
        if node not in nodes:
            raise UsageError(f"no node '{node}' that takes cameras{did_you_mean(node, nodes)}")
        if not nodes[node].suits(self._cameras[camera]):
            raise UsageError(f"node '{node}' has not all labels of camera '{camera}'")
        self.pinned[camera], self._dirty = node, True
        lease = self.leases.get(camera)
        if lease is None or lease.node != node:
            self._grant(camera, node, now, wall)

    def decide(self, there: Collection[str], now: float, wall: float) -> Decision:
        """Return what is to be sent to which node; a state that changed must be saved before.

        there: the machines that are there, whether their nodes were heard or not
        """
        nodes = self.members.usable(now, self.drained)
        self._end_lost_leases(nodes, now)
        self._confirm(now, wall)
        if len(self.leases) or self.members.settled(there, now):
            self._place(nodes, now, wall)
        self._balance(nodes, now, wall)
        self._roll(now, wall)
        decision = Decision(orders_for(self.leases, self.members, now), self._dirty)
        self._dirty = False
        return decision

    def end_all(self) -> None:
        """Take all cameras from their nodes; placement begins anew with the next coordinator."""
        for name in list(self.leases):
            self._end(name)

    def has_run_for(self, seconds: float, now: float) -> bool:
        """Return whether this coordinator has started so long ago."""
        return now - self._started_at > seconds

    def cost(self, camera: str) -> Cost:
        """Return what a camera costs: as measured, or as it is taken to."""
        return self._costs.get(camera) or Cost(self.config.camera_cores)

    def _adopt(self, node: str, name: str, running: Running) -> None:
        """Take over a camera that a node runs and nobody has written down."""
        lease = self.leases.get(name)
        if name not in self._cameras or (lease and lease.epoch >= running.epoch):
            return
        self.leases.adopt(name, Lease(node, running.epoch, running.digest, True))
        self._dirty = True

    def _measure(self, name: str, running: Running, now: float) -> None:
        lease = self.leases.get(name)
        if not lease or lease.epoch != running.epoch:
            return
        if running.state in OVER:
            self._over_since.setdefault(name, now)
        else:
            self._over_since.pop(name, None)
        if running.cost and running.state == LIVE:  # a camera that is away costs little
            before = self._costs.get(name, running.cost)
            self._costs[name] = Cost(
                before.cores + SMOOTHING * (running.cost.cores - before.cores),
                before.engine + SMOOTHING * (running.cost.engine - before.engine),
            )

    def _end_lost_leases(self, nodes: Iterable[NodeSpec], now: float) -> None:
        usable = {node.name for node in nodes}
        for name in list(self.leases):
            node = self.leases[name].node
            if node in usable or self.members.may_return(node, now):
                continue
            log.warning("camera '%s' has lost its node '%s'", name, node)
            self._lost.add(name)
            self.pinned.pop(name, None)
            self._end(name)

    def _confirm(self, now: float, wall: float) -> None:
        """See which leases the nodes have taken, and renew those that are not as they should."""
        for name in list(self.leases):
            lease = self.leases[name]
            report = self.members[lease.node].report
            running = report.cameras.get(name) if report else None
            spec = self._cameras[name]
            holds = running is not None and running.epoch == lease.epoch
            if holds and not lease.confirmed:
                self.leases.confirm(name)
                self._dirty = True
            changed = lease.digest != spec.digest
            forgotten = (
                lease.confirmed and running is None and self.members.is_alive(lease.node, now)
            )
            over = now - self._over_since.get(name, now) >= RETRY_SECONDS
            if changed or forgotten or over:
                self._grant(name, lease.node, now, wall)

    def _place(self, nodes: Sequence[NodeSpec], now: float, wall: float) -> None:
        usable = {node.name for node in nodes}
        for name, node in self.pinned.items():
            if name not in self.leases and node in usable:
                self._grant(name, node, now, wall)
        leaving = {name for name in self.leases if self._should_leave(name)}
        current = {name: self.leases[name].node for name in self.leases if name not in leaving}
        if not nodes or len(current) == len(self._cameras):
            dark = [name for name in self._cameras if name not in self.leases]
            self.waiting = dict.fromkeys(dark, NO_NODE)
            return
        placed = self._placement(nodes, current, self._lost | leaving)
        self.considered += placed.considered
        self.waiting = {name: why for name, why in placed.waiting.items() if name not in leaving}
        for name, node in placed.assigned.items():
            if name not in current:
                self._grant(name, node, now, wall)

    def _should_leave(self, camera: str) -> bool:
        """Return whether a camera should run elsewhere, if another node has room for it."""
        node = self.leases[camera].node
        member = self.members[node]
        misfit = member.report is not None and not member.spec.suits(self._cameras[camera])
        return node in self.drained or misfit

    def _placement(
        self, nodes: Sequence[NodeSpec], current: Mapping[str, str], urgent: Collection[str]
    ) -> Placement:
        costs = {name: self.cost(name) for name in self._cameras}
        return place(
            list(self._cameras.values()),
            nodes,
            current,
            costs,
            headroom=self.config.headroom,
            urgent=urgent,
        )

    def _balance(self, nodes: Sequence[NodeSpec], now: float, wall: float) -> None:
        if now - self._changed_at < QUIET_SECONDS:
            return
        move = best_move(
            list(self._cameras.values()),
            nodes,
            {name: self.leases[name].node for name in self.leases},
            {name: self.cost(name) for name in self._cameras},
            headroom=self.config.headroom,
            above=self.config.rebalance_above,
            pinned=self.pinned,
        )
        if move:
            log.info("camera '%s' moves to node '%s': %s", move.camera, move.node, move.why)
            self._grant(move.camera, move.node, now, wall)

    def _roll(self, now: float, wall: float) -> None:
        """Give the shared configuration to all idle nodes, and to one that runs cameras."""
        held: dict[str, list[str]] = {name: [] for name in self.members}
        for camera in self.leases:
            held[self.leases[camera].node].append(camera)
        if (node := self.members.roll(held, now)) is not None:
            log.info("node '%s' gets the new configuration", node)
            for camera in held[node]:
                self._grant(camera, node, now, wall)

    def _grant(self, camera: str, node: str, now: float, wall: float) -> None:
        lease = self.leases.grant(camera, node, self._cameras[camera].digest, wall)
        log.info("camera '%s' runs on node '%s', epoch %d", camera, node, lease.epoch)
        self._over_since.pop(camera, None)
        self._lost.discard(camera)
        self._changed_at, self._dirty = now, True

    def _end(self, camera: str) -> None:
        self.leases.end(camera)
        self._dirty = True
