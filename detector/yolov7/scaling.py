"""Compound scaling of concatenation-based networks (YOLOv7, 3.2): depth and width together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from detector.errors import ModelError
from detector.yolov7.description import WITH_CHANNELS, Description, Row, renumbered, scale_channels

ENTRIES = 2  # an ELAN begins with two 1x1 convolutions side by side


class Elan(NamedTuple):
    """The rows of an ELAN: two entries, convolutions stacked on the second, and a Concat.

    first: number of the first entry; stacked: number of stacked convolutions
    every: the Concat joins the entries and each `every`-th convolution of the stack
    """

    first: int
    stacked: int
    every: int

    @property
    def concat(self) -> int:
        """The row number of the Concat."""
        return self.first + ENTRIES + self.stacked

    def scaled(self, depth: float, first: int) -> Elan:
        """Return a deeper ELAN at row `first`, with at least one stacked convolution joined."""
        joined = max(1, math.floor(self.stacked * depth / self.every + 0.5))
        return Elan(first, joined * self.every, self.every)


def scale_compound(description: Description, *, depth: float, width: float) -> Description:
    """Return the description of a network that is deeper and wider.

    depth: factor on the stacked convolutions of each ELAN, rounded to what its Concat can join
    width: factor on the channels of all other rows, rounded up to a multiple of 8
    The channels inside an ELAN stay the same. A deeper ELAN returns more channels, and the paper
    widens the other rows by that factor: 1.25 for a depth of 1.5. Raises ModelError for factors
    that are not above 0.
    """
    if not (0 < depth < math.inf and 0 < width < math.inf):
        raise ModelError(f"depth {depth:g} and width {width:g} given: both must be above 0")
    elans = {elan.concat: elan for elan in find_elans(description.rows)}
    inside = {row for elan in elans.values() for row in range(elan.first, elan.concat)}
    rows: list[Row] = []
    number = {-1: -1}  # of a row -> of the row that replaces it
    for old, row in enumerate(description.rows):
        if old in inside:
            continue
        if old in elans:
            entries, convolution = _parts(elans[old], description.rows)
            deeper = elans[old].scaled(depth, first=len(rows))
            rows += _rows(deeper, renumbered(entries, number), convolution)
        else:
            rows += renumbered([_wider(row, width)], number)
        number[old] = len(rows) - 1
    name = f"{description.name}-depth{depth:g}-width{width:g}"
    return description.model_copy(update={"name": name, "rows": tuple(rows), "published": None})


def _wider(row: Row, width: float) -> Row:
    if row.operation not in WITH_CHANNELS:
        return row
    channels, *others = row.arguments
    return row._replace(arguments=(scale_channels(channels, width), *others))


def find_elans(rows: Sequence[Row]) -> list[Elan]:
    """Return the ELANs of a network, in order."""
    found = [_elan_before(number, rows) for number in range(len(rows))]
    return [elan for elan in found if elan]


def _elan_before(concat: int, rows: Sequence[Row]) -> Elan | None:
    """Return the ELAN whose Concat is this row, or None; other rows must not read its inside."""
    joined = rows[concat].inputs
    if len(joined) <= ENTRIES:
        return None
    elan = Elan(min(joined), concat - min(joined) - ENTRIES, max(1, joined[0] - joined[1]))
    entries, convolution = _parts(elan, rows)
    if entries[0].inputs != entries[1].inputs or convolution.arguments[1:] != (3, 1):
        return None
    if any(row.operation != "Conv" or row.arguments[1:] != (1, 1) for row in entries):
        return None
    if list(rows[elan.first : concat + 1]) != _rows(elan, entries, convolution):
        return None
    readers = [source for row in rows[concat + 1 :] for source in row.inputs]
    return None if any(elan.first <= source < concat for source in readers) else elan


def _parts(elan: Elan, rows: Sequence[Row]) -> tuple[list[Row], Row]:
    """Return the entries, and one stacked convolution: they are all alike."""
    return list(rows[elan.first : elan.first + ENTRIES]), rows[elan.first + ENTRIES]


def _rows(elan: Elan, entries: Sequence[Row], convolution: Row) -> list[Row]:
    """Return the rows of an ELAN with these parts."""
    second = elan.first + 1
    stack = [convolution._replace(inputs=(second + i,)) for i in range(elan.stacked)]
    joined = range(second + elan.stacked, elan.first, -elan.every)
    return [*entries, *stack, Row((*joined, elan.first), "Concat")]
