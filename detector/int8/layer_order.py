"""Where the layers of a graph lie: what is ahead of the first, and what the last ones begin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Op(NamedTuple):
    """An operation of a graph; reads: the names of those whose results it takes."""

    name: str
    reads: tuple[str, ...]
    is_layer: bool


def ahead_of_layers(ops: Iterable[Op]) -> set[str]:
    """Return the names of what no layer leads to; ops in the order in which they are computed."""
    ops = list(ops)
    behind: set[str] = set()
    for op in ops:
        if op.is_layer or behind.intersection(op.reads):
            behind.add(op.name)
    return {op.name for op in ops} - behind


def head(ops: Iterable[Op]) -> set[str]:
    """Return the names of the layers that lead to no other, and of all that lies behind them.

    ops: in the order in which they are computed
    """
    ops = list(ops)
    leading: set[str] = set()  # to a layer
    for op in reversed(ops):
        if op.is_layer or op.name in leading:
            leading.update(op.reads)
    found: set[str] = set()
    for op in ops:
        if (op.is_layer and op.name not in leading) or found.intersection(op.reads):
            found.add(op.name)
    return found
