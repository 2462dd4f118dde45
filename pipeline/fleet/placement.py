"""Which camera runs on which node: by cost, headroom and labels, the cameras of a place apart.

A heap gives the node with the most room, so a camera looks at a few nodes, however many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from pipeline.fleet.camera import CameraSpec, Cost, NodeSpec

FULL = 1.0  # share of a node that cameras may use whose node was lost
MAX_APART = 32  # nodes over which a place is spread: looking for more would take long
TRIES = 8  # nodes with the most room that are tried: the others have less


class Loads:
    """What is used of each node, and which places each one has.

    cameras: those that run on one of the nodes; others are left out
    current: camera -> node, for cameras that run
    costs: of all cameras
    """

    def __init__(
        self,
        nodes: Iterable[NodeSpec],
        cameras: Iterable[CameraSpec],
        current: Mapping[str, str],
        costs: Mapping[str, Cost],
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self._cores = dict.fromkeys(self.nodes, 0.0)
        self._engine = dict.fromkeys(self.nodes, 0.0)
        self._places: Counter[tuple[str, str]] = Counter()  # by node and place
        self._nodes_of_place: Counter[str] = Counter()
        for camera in cameras:
            node = current.get(camera.name)
            if node in self.nodes:
                self.add(node, camera, costs[camera.name])

    def add(self, node: str, camera: CameraSpec, cost: Cost) -> None:
        """Note that a camera is on a node."""
        self._cores[node] += cost.cores
        self._engine[node] += cost.engine
        if camera.place is not None:
            self._nodes_of_place[camera.place] += not self._places[node, camera.place]
            self._places[node, camera.place] += 1

    def used(self, node: str) -> float:
        """Return the share of a node that is used: of its cores or of its engine."""
        return max(self._cores[node] / self.nodes[node].cores, self._engine[node])

    def used_with(self, node: str, cost: Cost) -> float:
        """Return the share that is used once a camera of this cost is there as well."""
        cores = (self._cores[node] + cost.cores) / self.nodes[node].cores
        return max(cores, self._engine[node] + cost.engine)

    def has_place(self, node: str, camera: CameraSpec) -> bool:
        """Return whether a camera of the same place is on the node."""
        return camera.place is not None and self._places[node, camera.place] > 0

    def crowded(self, node: str, camera: CameraSpec) -> bool:
        """Return whether another camera of its place is on the node of a camera."""
        return camera.place is not None and self._places[node, camera.place] > 1

    def nodes_with(self, place: str | None) -> int:
        """Return how many nodes have a camera of a place."""
        return self._nodes_of_place[place] if place is not None else 0


@dataclass
class Placement:
    """The result: assigned: camera -> node; waiting: camera -> why no node takes it.

    considered: how often a node was looked at
    """

    assigned: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    considered: int = 0


def place(
    cameras: Sequence[CameraSpec],
    nodes: Sequence[NodeSpec],
    current: Mapping[str, str],
    costs: Mapping[str, Cost],
    *,
    headroom: float,
    urgent: Collection[str] = (),
) -> Placement:
    """Return a node for each camera; those in `current` stay where they are.

    current: camera -> node, for cameras that run; nodes that are not given keep theirs, too
    costs: of all cameras
    headroom: share of each node that only urgent cameras may use
    urgent: cameras that have lost their node
    """
    loads, placement = Loads(nodes, cameras, current, costs), Placement(dict(current))
    new = [camera for camera in cameras if camera.name not in current]
    new.sort(key=lambda each: (each.name not in urgent, -costs[each.name].cores, each.name))
    choosers: dict[frozenset[tuple[str, str]], _Chooser] = {}
    for camera in new:
        wanted = frozenset(camera.labels.items())
        if wanted not in choosers:
            suitable = [node for node in nodes if node.suits(camera)]
            placement.considered += len(nodes)
            choosers[wanted] = _Chooser(loads, suitable)
        chooser = choosers[wanted]
        limit = FULL if camera.name in urgent else FULL - headroom
        chosen = chooser.choose(camera, costs[camera.name], limit)
        if chosen is None:
            placement.waiting[camera.name] = _why(camera, chooser.count, costs[camera.name], limit)
        else:
            placement.assigned[camera.name] = chosen
            loads.add(chosen, camera, costs[camera.name])
    placement.considered += sum(chooser.considered for chooser in choosers.values())
    return placement


class _Chooser:
    """Finds the node with the most room among those with certain labels."""

    def __init__(self, loads: Loads, nodes: Sequence[NodeSpec]) -> None:
        self.count = len(nodes)
        self.considered = 0
        self._loads = loads
        self._heap = [(loads.used(node.name), node.name) for node in nodes]
        heapify(self._heap)

    def choose(self, camera: CameraSpec, cost: Cost, limit: float) -> str | None:
        """Return the node with the most room, None if no node has room within the limit.

        A node with another camera of its place is taken only if there is no other.
        """
        spread = self._loads.nodes_with(camera.place) < min(self.count, MAX_APART)
        chosen: str | None = None
        aside, tries = [], 0
        while self._heap and tries < TRIES:
            used, node = heappop(self._heap)
            self.considered += 1
            if used < self._loads.used(node):  # others were placed there meanwhile
                heappush(self._heap, (self._loads.used(node), node))
                continue
            aside.append((used, node))
            crowds = spread and self._loads.has_place(node, camera)
            tries += not crowds
            if self._loads.used_with(node, cost) > limit:
                continue
            if not crowds:
                chosen = node
                break  # the next ones have less room
            chosen = chosen or node
        for entry in aside:
            heappush(self._heap, entry)
        return chosen


def _why(camera: CameraSpec, suitable: int, cost: Cost, limit: float) -> str:
    if not suitable:
        wanted = ", ".join(f"{key}={value}" for key, value in camera.labels.items())
        return f"no node has the labels {wanted}" if wanted else "no node can run cameras"
    return f"no node has {cost.cores:.2f} cores left of the {limit:.0%} that are used: add a node"
