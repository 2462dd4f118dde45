"""Order of the layers in a graph: nodes before the first weighted layer, nodes of the head."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Op(NamedTuple):
    """An operation of a graph; reads: names of the operations whose results it takes."""

    name: str
    reads: tuple[str, ...]
    is_layer: bool


def before_layers(ops: Iterable[Op]) -> set[str]:
    """Return the names of operations that depend on no layer.

    ops: in the order in which they are computed
    """
    ops = list(ops)
    after: set[str] = set()
    for op in ops:
        if op.is_layer or after.intersection(op.reads):
            after.add(op.name)
    return {op.name for op in ops} - after


def head(ops: Iterable[Op]) -> set[str]:
    """Return the names of the last layers, and of all operations after them.

    ops: in the order in which they are computed
    """
    ops = list(ops)
    leading: set[str] = set()  # operations with a layer after them
    for op in reversed(ops):
        if op.is_layer or op.name in leading:
            leading.update(op.reads)
    found: set[str] = set()
    for op in ops:
        if (op.is_layer and op.name not in leading) or found.intersection(op.reads):
            found.add(op.name)
    return found
