"""What each node is told: the leases that it should carry out from now on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.fleet.leases import Lease, Leases
from pipeline.fleet.members import Members


@dataclass(frozen=True, slots=True)
class Orders:
    """What a node should run from now on: the digest of what is shared, and the leases."""

    shared: str
    cameras: Mapping[str, Lease]


def orders_for(leases: Leases, members: Members, now: float) -> dict[str, Orders]:
    """Return orders for the nodes whose report is not what they should do.

    now: in seconds that never go back
    """
    wanted: dict[str, dict[str, Lease]] = {name: {} for name in members}
    held = _held_by_predecessor(leases, members, now)
    for name in leases:
        if name not in held:
            wanted[leases[name].node][name] = leases[name]
    orders = {}
    for name, member in members.items():
        if not member.report or not members.is_alive(name, now):
            continue
        does = {
            camera: (running.epoch, running.digest)
            for camera, running in member.report.cameras.items()
        }
        should = {camera: (each.epoch, each.digest) for camera, each in wanted[name].items()}
        if does != should or member.report.shared != member.shared:
            orders[name] = Orders(member.shared, wanted[name])
    return orders


def _held_by_predecessor(leases: Leases, members: Members, now: float) -> set[str]:
    """Return the cameras that another node has not let go yet: their new node waits for that.

    If both run a camera, because the other node was cut off for a while, the new one goes on.
    """
    return {
        camera
        for name, member in members.items()
        if member.report and members.is_alive(name, now)
        for camera in member.report.cameras
        if camera in leases and leases[camera].node != name and not leases[camera].confirmed
    }
