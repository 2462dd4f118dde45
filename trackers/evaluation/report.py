"""Evaluation of files: which results belong to which ground truth, the rules, and the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from detector.errors import UsageError
from trackers.evaluation.evaluate import Evaluation, Scores, evaluate, gathered
from trackers.evaluation.ignore_regions import read_ignore, without_ignored
from trackers.evaluation.rule_choice import choose_rules, is_absent, warnings_of
from trackers.evaluation.rules import Rules
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.motchallenge.sequences import find_sequences
from trackers.motchallenge.text import MotRows, read_columns, read_mot

RULES = ("auto", "classes", "mot15", "mot17", "mot20")


def evaluate_files(
    truth: Path,
    results: Path,
    *,
    ignore: Path | None = None,
    rules: str = "auto",
    gt_file: str = "gt.txt",
    frames: FrameChoice | None = None,
) -> Evaluation:
    """Return the scores of all sequences that both `truth` and `results` have.

    truth, results, ignore: a file or a folder each, see `find_sequences`
    rules: one of RULES; `auto` decides for each sequence as `choose_rules` does
    gt_file: the name of the ground truth in NAME/gt/
    Raises UsageError if a file cannot be read, or if no sequence is in both.
    """
    inside = f"gt/{gt_file}"
    found, named = find_sequences(results), find_sequences(truth, inside)
    if truth.is_file() and results.is_file():  # two files belong together, whatever their names
        found = dict(zip(named, found.values(), strict=True))
    regions = {} if ignore is None else find_sequences(ignore)
    if ignore is not None and ignore.is_file():
        regions = dict.fromkeys(named, ignore)
    both = [name for name in named if name in found]
    if not both:
        raise UsageError(
            f"{results} has {_some(found)}, {truth} has {_some(named)}: no sequence is in both"
        )
    chosen = FrameChoice() if frames is None else frames
    scored = {
        name: _read(name, named[name], found[name], regions.get(name), chosen, rules)
        for name in both
    }
    evaluation = gathered(
        (name, evaluate(each.truth, each.results, each.rules)) for name, each in scored.items()
    )
    return replace(
        evaluation,
        rules={name: each.rules for name, each in scored.items()},
        excluded=sum(int((each.truth.scores == 0).sum()) for each in scored.values()),
        warnings=[line for each in scored.values() for line in each.warnings],
    )


def left_out(truth: Path, results: Path, gt_file: str, evaluation: Evaluation) -> Iterator[str]:
    """Yield a line for each side with sequences that were not evaluated."""
    for path, inside, missing in (
        (truth, f"gt/{gt_file}", "results"),
        (results, None, "ground truth"),
    ):
        if path.is_dir():
            names = [n for n in find_sequences(path, inside) if n not in evaluation.sequences]
            if names:
                yield f"not evaluated, {missing} missing: {', '.join(names)}"


def rules_used(evaluation: Evaluation) -> str:
    """Return one line: the rules, of which sequences, and the number of boxes marked with 0."""
    by_rules: dict[str, list[str]] = {}
    for name, rules in evaluation.rules.items():
        by_rules.setdefault(rules, []).append(name)
    if len(by_rules) == 1:
        line = f"rules: {next(iter(by_rules))}"
    else:
        line = "rules: " + "; ".join(
            f"{rules} for {_some(names)}" for rules, names in by_rules.items()
        )
    if evaluation.excluded:
        line += f"; labelled boxes that do not count (0 in column 7): {evaluation.excluded}"
    return line


def table(evaluation: Evaluation) -> str:
    """Return a line for each sequence and for each class, if there are several, and overall."""
    rows = dict(evaluation.sequences) if len(evaluation.sequences) > 1 else {}
    if len(evaluation.classes) > 1:
        rows |= {f"class {c}": scores for c, scores in evaluation.classes.items()}
    rows["all"] = evaluation.overall
    width = max(8, *map(len, rows))
    names = f"{'HOTA':>9}{'DetA':>8}{'AssA':>8}{'MOTA':>8}{'IDF1':>8}"
    head = f"{'':{width}}{names}{'IDsw':>7}{'Frag':>7}{'FP':>7}{'FN':>7}{'GT':>8}"
    return "\n".join([head, *(f"{name:{width}} {_row(scores)}" for name, scores in rows.items())])


def _row(scores: Scores) -> str:
    s = scores.as_json()
    rates = [s[name] for name in ("hota", "deta", "assa", "mota", "idf1")]
    shown = "".join(f"{'-' if rate is None else format(rate, '.4f'):>8}" for rate in rates)
    counts = [s[name] for name in ("switches", "fragments", "false_positives", "misses")]
    return shown + "".join(f"{count:>7}" for count in counts) + f"{s['objects']:>8}"


@dataclass(frozen=True, slots=True)
class _Sequence:
    """The boxes of a sequence, the rules to score them by, and lines for the user."""

    truth: MotRows
    results: MotRows
    rules: Rules
    warnings: list[str]


def _read(
    name: str,
    truth_file: Path,
    results_file: Path,
    ignore: Path | None,
    frames: FrameChoice,
    requested: str,
) -> _Sequence:
    rules = choose_rules(name, truth_file) if requested == "auto" else cast(Rules, requested)
    truth = read_mot(truth_file, with_classes=rules != "mot15")
    warnings = list(warnings_of(name, truth, rules))
    results = _read_results(name, results_file, truth, rules, warnings, requested == "auto")
    for path, rows in ((truth_file, truth), (results_file, results)):
        if (rows.ids < 0).any():
            raise UsageError(
                f"{path}: column 2, the id, is -1: boxes without identities cannot be scored"
            )
    last = max(truth.last_frame, results.last_frame)
    chosen = frames.of(name, last)
    truth, results = truth.among(chosen), results.among(chosen)
    if ignore is not None:
        results = without_ignored(truth, results, read_ignore(ignore))
    return _Sequence(truth, results, rules, warnings)


def _read_results(
    name: str, file: Path, truth: MotRows, rules: Rules, warnings: list[str], is_auto: bool
) -> MotRows:
    """Return the results, with the class of the ground truth where that is the only one."""
    if rules != "classes":
        return read_mot(file, with_classes=False)
    columns, labelled = read_columns(file), np.unique(truth.class_ids)
    named = len(columns) > 7 and not is_absent(columns[7])
    results = read_mot(file, with_classes=named)
    if not columns:
        return results
    if not named and len(labelled) > 1:
        raise UsageError(
            f"{file}: has no classes in column 8, but the ground truth has "
            f"{', '.join(map(str, labelled))}: give --rules mot15, which scores all boxes alike, "
            "or results with classes"
        )
    found = np.unique(results.class_ids)
    if len(labelled) != 1 or len(found) != 1 or (named and not is_auto) or found[0] == labelled[0]:
        return results
    if named:
        warnings.append(
            f"{name}: class {found[0]} of the results is taken for class {labelled[0]} of the "
            "ground truth, because both have only one; --rules classes compares the numbers"
        )
    return replace(results, class_ids=np.full(len(results), labelled[0]))


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "")
