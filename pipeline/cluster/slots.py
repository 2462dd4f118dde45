"""Where the workers of a library may run: so many on each node, with so many cores each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.library.cores import WORKER_CORES, shares


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for a worker. node: its id; threads: cores that the worker may use."""

    node: str
    threads: int


def slots_for(cores: Mapping[str, int], limit: int | None) -> dict[str, list[Slot]]:
    """Return the slots of each node, which share its cores.

    cores: of each node, by its id
    limit: of workers on all nodes together, at most one per core; None: one per WORKER_CORES
    """
    return {
        node: [Slot(node, threads) for threads in shares(cores[node], count)]
        for node, count in _counts(cores, limit).items()
        if count
    }


def _counts(cores: Mapping[str, int], limit: int | None) -> dict[str, int]:
    """Return the number of workers of each node."""
    if limit is None:
        return {node: max(1, count // WORKER_CORES) for node, count in cores.items()}
    counts = dict.fromkeys(cores, 0)
    left = min(limit, sum(cores.values()))
    while left:
        for node in cores:
            if left and counts[node] < cores[node]:
                counts[node] += 1
                left -= 1
    return counts
