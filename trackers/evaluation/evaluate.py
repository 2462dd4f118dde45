"""Scores of tracks against ground truth: HOTA, CLEAR and Identity, by class and by sequence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from trackers.evaluation.clear import Clear, clear
from trackers.evaluation.comparison import compare
from trackers.evaluation.hota import Hota, hota
from trackers.evaluation.identity import Identity, identity
from trackers.evaluation.rules import Rules, scored_rows
from trackers.motchallenge.text import MotRows


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of a class or a sequence. Adding two adds their counts; rates follow from them."""

    hota: Hota
    clear: Clear
    identity: Identity

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.hota + other.hota, self.clear + other.clear, self.identity + other.identity
        )

    def as_json(self) -> dict[str, Any]:
        """Return counts, and rates from 0 to 1; rates are None without ground truth."""
        rates = {
            **{name: getattr(self.hota, name) for name in ("hota", "deta", "assa", "loca")},
            **{name: getattr(self.hota, name) for name in ("detre", "detpr", "assre", "asspr")},
            "mota": self.clear.mota,
            "motp": self.clear.motp,
            **{name: getattr(self.identity, name) for name in ("idf1", "idr", "idp")},
        }
        counts = ("switches", "fragments", "false_positives", "misses", "objects")
        tracks = ("mostly_tracked", "partly_tracked", "mostly_lost")
        return {
            **(rates if self.clear.objects else dict.fromkeys(rates)),
            **{name: getattr(self.clear, name) for name in (*counts, *tracks)},
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of each sequence, of each class over all sequences, and overall.

    rules: by sequence; excluded: number of labelled boxes with 0 in column 7
    warnings: lines for the user
    """

    sequences: Mapping[str, Scores]
    classes: Mapping[int, Scores]
    rules: Mapping[str, Rules] = field(default_factory=dict)
    excluded: int = 0
    warnings: Sequence[str] = ()

    @property
    def overall(self) -> Scores:
        """The scores over the boxes of all sequences."""
        return reduce(add, self.sequences.values())

    def as_json(self) -> dict[str, Any]:
        """Return plain dictionaries; keys of classes are their numbers as text."""
        return {
            "rules": dict(self.rules),
            "overall": self.overall.as_json(),
            "sequences": {name: scores.as_json() for name, scores in self.sequences.items()},
            "classes": {str(c): scores.as_json() for c, scores in self.classes.items()},
        }


def evaluate(truth: MotRows, results: MotRows, rules: Rules = "classes") -> dict[int, Scores]:
    """Return the scores of one sequence by class.

    Only the rules `classes` tell classes apart; the others score all boxes as class 0.
    Raises UsageError for a ground-truth class that the rules do not know.
    """
    truth, results = scored_rows(truth, results, rules)
    if rules != "classes":
        return {0: _scores(truth, results)}
    classes = np.union1d(truth.class_ids, results.class_ids).tolist() or [0]
    return {
        c: _scores(truth[truth.class_ids == c], results[results.class_ids == c]) for c in classes
    }


def gathered(sequences: Iterable[tuple[str, dict[int, Scores]]]) -> Evaluation:
    """Return the evaluation of at least one sequence, from names and scores by class."""
    by_name, by_class = {}, dict[int, Scores]()
    for name, scores in sequences:
        by_name[name] = reduce(add, scores.values())
        for c, of_class in scores.items():
            by_class[c] = by_class[c] + of_class if c in by_class else of_class
    return Evaluation(by_name, dict(sorted(by_class.items())))


def _scores(truth: MotRows, results: MotRows) -> Scores:
    comparison = compare(truth, results)
    return Scores(hota(comparison), clear(comparison), identity(comparison))
