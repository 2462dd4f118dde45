"""Where the workers of a library may run: so many on each node, with so many cores each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.library.cores import shares


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for a worker. node: its id; threads: cores that the worker may use."""

    node: str
    threads: int


def slots_for(cores: Mapping[str, int], limit: int | None) -> dict[str, list[Slot]]:
    """Return the slots of each node: one for each core, or fewer if there is a limit.

    cores: of each node, by its id; limit: of workers on all nodes together
    """
    counts = dict.fromkeys(cores, 0)
    left = sum(cores.values()) if limit is None else min(limit, sum(cores.values()))
    while left:
        for node in cores:
            if left and counts[node] < cores[node]:
                counts[node] += 1
                left -= 1
    return {
        node: [Slot(node, threads) for threads in shares(cores[node], count)]
        for node, count in counts.items()
        if count
    }
