"""Whether it pays to move a camera that runs: a move costs a gap in its recording."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.fleet.camera import CameraSpec, Cost, NodeSpec
from pipeline.fleet.placement import Loads


@dataclass(frozen=True, slots=True)
class Move:
    """A camera should run on another node; why: for the log."""

    camera: str
    node: str
    why: str


def best_move(
    cameras: Sequence[CameraSpec],
    nodes: Sequence[NodeSpec],
    current: Mapping[str, str],
    costs: Mapping[str, Cost],
    *,
    headroom: float,
    above: float,
    pinned: Collection[str] = (),
) -> Move | None:
    """Return the one move that pays most, None if none pays.

    A move pays if it takes a camera away from another one of its place, to a node with room; or if
    the loads of the fullest and the emptiest node differ by more than `above`, and less by it.
    pinned: cameras that stay
    """
    if len(nodes) < 2:
        return None
    loads = Loads(nodes, cameras, current, costs)
    there = [camera for camera in cameras if current.get(camera.name) in loads.nodes]
    free = [camera for camera in there if camera.name not in pinned]
    by_load = sorted(loads.nodes, key=lambda name: (loads.used(name), name))
    return _separation(free, by_load, current, costs, loads, 1 - headroom) or _relief(
        free, by_load, current, costs, loads, above
    )


def _separation(
    cameras: Sequence[CameraSpec],
    by_load: Sequence[str],
    current: Mapping[str, str],
    costs: Mapping[str, Cost],
    loads: Loads,
    limit: float,
) -> Move | None:
    """Return a move that takes the first crowded camera to the emptiest node without its place."""
    for camera in cameras:
        if not loads.crowded(current[camera.name], camera):
            continue
        if loads.nodes_with(camera.place) == len(by_load):
            continue  # no node is without its place
        for node in by_load:
            if loads.used_with(node, costs[camera.name]) > limit:
                break  # the others are fuller
            if loads.nodes[node].suits(camera) and not loads.has_place(node, camera):
                return Move(camera.name, node, f"away from others of the place '{camera.place}'")
    return None


def _relief(
    cameras: Sequence[CameraSpec],
    by_load: Sequence[str],
    current: Mapping[str, str],
    costs: Mapping[str, Cost],
    loads: Loads,
    above: float,
) -> Move | None:
    """Return the move from the fullest node to the emptiest that makes them most alike."""
    emptiest, fullest = by_load[0], by_load[-1]
    before = loads.used(fullest) - loads.used(emptiest)
    if before <= above:
        return None
    best, least = None, before
    for camera in cameras:
        suits = loads.nodes[emptiest].suits(camera) and not loads.has_place(emptiest, camera)
        if current[camera.name] != fullest or not suits:
            continue
        cost = costs[camera.name]
        rest = loads.used_with(fullest, Cost(-cost.cores, -cost.engine))
        after = rest - loads.used_with(emptiest, cost)
        if abs(after) < least and after > -above / 2:  # otherwise it would soon be undone
            best, least = camera.name, abs(after)
    if best is None:
        return None
    return Move(best, emptiest, f"'{fullest}' is used by {before:.0%} more")
