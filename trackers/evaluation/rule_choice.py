"""Which rules a sequence is scored by: those of its benchmark, by its name, or by its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from detector.errors import UsageError
from trackers.evaluation.rules import DISTRACTORS, PEDESTRIAN, Rules
from trackers.motchallenge.text import MotRows, read_columns

BENCHMARKS: dict[str, Rules] = {  # by the beginning of a sequence's name
    "MOT15-": "mot15",
    "MOT16-": "mot17",
    "MOT17-": "mot17",
    "MOT20-": "mot20",
}
MOT15_SEQUENCES = {
    *("ADL-Rundle-1", "ADL-Rundle-3", "ADL-Rundle-6", "ADL-Rundle-8", "AVG-TownCentre"),
    *("ETH-Bahnhof", "ETH-Crossing", "ETH-Jelmoli", "ETH-Linthescher", "ETH-Pedcross2"),
    *("ETH-Sunnyday", "KITTI-13", "KITTI-16", "KITTI-17", "KITTI-19", "PETS09-S2L1"),
    *("PETS09-S2L2", "TUD-Campus", "TUD-Crossing", "TUD-Stadtmitte", "Venice-1", "Venice-2"),
}
COLUMNS_WITH_WORLD = 10  # MOT15: columns 8 to 10 are the world coordinates x, y, z


def choose_rules(name: str, truth: Path) -> Rules:
    """Return the rules for a sequence.

    Sequences of MOTChallenge are known by their names. For others, each class is scored (`classes`)
    if column 8 is a class; otherwise all boxes are scored alike (`mot15`).
    Raises UsageError if column 8 could be a class or a coordinate.
    """
    if name in MOT15_SEQUENCES:
        return "mot15"
    for beginning, rules in BENCHMARKS.items():
        if name.startswith(beginning):
            return rules
    columns = read_columns(truth)
    if len(columns) < 8 or is_absent(columns[7]):
        return "mot15"
    if len(columns) < COLUMNS_WITH_WORLD or all(map(is_absent, columns[8:])):
        return "classes"
    if not all(map(_is_class, columns[7])):
        return "mot15"
    raise UsageError(
        f"{truth}: column 8 may be a class or a world coordinate: its values are whole numbers, "
        f"later columns have values too, and '{name}' is no sequence of MOTChallenge. If it is a "
        "class, give --rules classes; if it is a coordinate, give --rules mot15, which scores all "
        "boxes alike"
    )


def is_absent(column: Iterable[str]) -> bool:
    """Return whether a column is -1 in every line, which stands for no value."""
    return all(_number(value) == -1 for value in column)


def _is_class(value: str) -> bool:
    number = _number(value)
    return number is not None and number >= 0 and number.is_integer()


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def warnings_of(name: str, truth: MotRows, rules: Rules) -> Iterator[str]:
    """Yield a line if no labelled box counts, and one if the rules leave out labelled classes."""
    marked = truth[truth.scores != 0]
    if len(truth) and not len(marked):
        yield f"{name}: no labelled box counts: column 7 is 0 in all {len(truth)} lines"
    if rules not in DISTRACTORS:
        return
    classes, counts = np.unique(marked.class_ids, return_counts=True)
    others = {int(c): int(n) for c, n in zip(classes, counts, strict=True) if c != PEDESTRIAN}
    if others:
        listed = ", ".join(f"class {c}: {n}" for c, n in others.items())
        yield (
            f"{name}: the rules {rules} score class {PEDESTRIAN} only and leave out "
            f"{sum(others.values())} of {len(marked)} labelled boxes ({listed}); --rules classes "
            "scores each class"
        )
