"""The nodes of a fleet: which are alive, which may have cameras, which have which configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.fleet.camera import FAILED, READY, NodeSpec, Report

START_SECONDS = 30.0  # after a start, until a known node that was not heard counts as dead
ROLL_SECONDS = 60.0  # for the cameras of a node to be live again; then the next node changes


@dataclass
class Member:
    """A node that was heard, or that is in the state file.

    heard_at: seconds; None: not since this coordinator has started
    shared: digest of the configuration that it should have
    rolled_at: when it was given a new one, until its cameras are live again
    """

    spec: NodeSpec
    heard_at: float | None = None
    report: Report | None = None
    shared: str = ""
    rolled_at: float | None = None

    @property
    def ready(self) -> bool:
        """Whether its engine can run the model."""
        return self.report is not None and self.report.engine == READY


class Members(dict[str, Member]):
    """The nodes by name. `now` is in seconds that never go back.

    dead_after_seconds: of silence
    """

    def __init__(self, dead_after_seconds: float, started_at: float) -> None:
        super().__init__()
        self._dead_after_seconds = dead_after_seconds
        self._started_at = started_at
        self._shared = ""

    def want(self, shared: str) -> None:
        """Set the digest of the configuration that all nodes should get."""
        if shared != self._shared:
            self._shared = shared
            for member in self.values():
                member.rolled_at = None

    def expect(self, node: str) -> None:
        """Note a node that had cameras before this coordinator has started."""
        self.setdefault(node, Member(NodeSpec(node, 1.0)))

    def heard(self, spec: NodeSpec, report: Report, now: float) -> None:
        """Note a report."""
        member = self.setdefault(spec.name, Member(spec))
        if member.report is None:
            member.shared = report.shared
        member.spec, member.report, member.heard_at = spec, report, now

    def settled(self, there: Collection[str], now: float) -> bool:
        """Return whether it is known which of the nodes that are there can run the model.

        The first cameras wait for that a little, so that they are spread over all nodes.
        """
        if now - self._started_at > START_SECONDS:
            return True
        reports = [self[name].report if name in self else None for name in there]
        return all(report and report.engine in (READY, FAILED) for report in reports)

    def is_alive(self, node: str, now: float) -> bool:
        """Return whether a node was heard lately."""
        heard_at = self[node].heard_at
        return heard_at is not None and now - heard_at <= self._dead_after_seconds

    def usable(self, now: float, drained: Collection[str]) -> list[NodeSpec]:
        """Return the nodes that may be given cameras."""
        return [
            member.spec
            for name, member in self.items()
            if member.ready and name not in drained and self.is_alive(name, now)
        ]

    def may_return(self, node: str, now: float) -> bool:
        """Return whether a node that is given no cameras keeps those that it has."""
        if self[node].heard_at is None:
            return now - self._started_at < START_SECONDS
        return self.is_alive(node, now) and self[node].ready  # it is drained

    def roll(self, held: Mapping[str, Sequence[str]], now: float) -> str | None:
        """Give the new configuration to all idle nodes, and to one that has cameras.

        held: node -> its cameras
        Returns the one with cameras; None if there is none, or it is not its turn yet.
        """
        behind = []
        for name, member in self.items():
            if member.shared == self._shared or not self.is_alive(name, now):
                continue
            if held[name]:
                behind.append(name)
            else:
                member.shared = self._shared
        if not behind or any(self._is_rolling(name, held[name], now) for name in self):
            return None
        member = self[behind[0]]
        member.shared, member.rolled_at = self._shared, now
        return behind[0]

    def _is_rolling(self, name: str, held: Sequence[str], now: float) -> bool:
        """Return whether a node has the new configuration, and not all of its cameras are back.

        A node that cannot run the new model stops the roll: the others go on with the old one.
        """
        member = self[name]
        if member.rolled_at is None or member.report is None:
            return False
        if member.report.engine == FAILED:
            return True
        states = {camera: running.state for camera, running in member.report.cameras.items()}
        back = member.report.shared == member.shared and all(
            states.get(camera) == "LIVE" for camera in held
        )
        if back or now - member.rolled_at > ROLL_SECONDS:
            member.rolled_at = None
        return member.rolled_at is not None
