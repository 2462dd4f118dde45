"""What a fleet knows of a camera and of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Cost:
    """What a camera takes of a node.

    cores: CPU time per second, of all that is done for it
    engine: share of the engine's time, 0 to 1
    """

    cores: float
    engine: float = 0.0


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """A camera that the fleet has to run.

    place: cameras of one place are kept on different nodes; None: it has none
    labels: what its node must have
    digest: equal for equal configurations of the camera
    """

    name: str
    place: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node that can run cameras; cores: that it has."""

    name: str
    cores: float
    labels: Mapping[str, str] = field(default_factory=dict)

    def suits(self, camera: CameraSpec) -> bool:
        """Return whether the node has all labels that the camera asks for."""
        return all(self.labels.get(key) == value for key, value in camera.labels.items())


@dataclass(frozen=True, slots=True)
class Running:
    """A camera as its node reports it.

    state: of its connection, or STARTING, or REFUSED
    cost: as measured; None while it is not known yet
    details: counts and the rest, for people
    """

    epoch: int
    digest: str
    state: str
    cost: Cost | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What a node says about itself.

    term: of the coordinator that it obeys
    shared: digest of the configuration that its cameras share; "" if it has none
    engine: READY, PREPARING or FAILED, and why
    """

    term: int
    shared: str
    engine: str
    why: str
    cores: float
    cameras: Mapping[str, Running]

    @staticmethod
    def from_wire(content: Mapping[str, Any]) -> Report:
        """Return the report in a node's answer."""
        return Report(
            content["term"],
            content["shared"],
            content["engine"],
            content["why"],
            content["cores"],
            {
                name: Running(
                    each["epoch"],
                    each["digest"],
                    each["state"],
                    Cost(*each["cost"]) if each.get("cost") else None,
                    each.get("details", {}),
                )
                for name, each in content["cameras"].items()
            },
        )


READY, PREPARING, FAILED = "ready", "preparing", "failed"  # states of a node's engine
STARTING, REFUSED = "STARTING", "REFUSED"  # states of a camera that has no connection
