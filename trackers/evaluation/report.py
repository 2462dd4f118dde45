"""Evaluation of files: which results belong to which ground truth, the rules, and the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from detector.errors import UsageError
from trackers.evaluation.evaluate import Evaluation, Scores, evaluate, gathered
from trackers.evaluation.ignore_regions import read_ignore, without_ignored
from trackers.evaluation.rules import Rules
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.motchallenge.sequences import find_sequences, is_nested
from trackers.motchallenge.text import columns_of, read_mot

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
    rules: one of RULES; `auto` decides by the ground truth of each sequence: 10 columns are mot15;
        9 columns in NAME/gt/gt.txt are mot20 if NAME begins with MOT20, else mot17; anything else
        is classes
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
    return gathered(
        (
            name,
            _evaluate(name, named[name], found[name], regions.get(name), chosen, rules, inside),
        )
        for name in both
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


def _evaluate(
    name: str,
    truth_file: Path,
    results_file: Path,
    ignore: Path | None,
    frames: FrameChoice,
    requested: str,
    inside: str,
) -> dict[int, Scores]:
    rules = _rules(truth_file, inside) if requested == "auto" else cast(Rules, requested)
    truth = read_mot(truth_file, with_classes=rules != "mot15")
    results = read_mot(results_file, with_classes=rules == "classes")
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
    return evaluate(truth, results, rules)


def _rules(truth: Path, inside: str) -> Rules:
    """Return the rules for a ground-truth file."""
    columns = columns_of(truth)
    if columns == 10:
        return "mot15"
    if columns == 9 and is_nested(truth, inside):
        return "mot20" if truth.resolve().parents[1].name.startswith("MOT20") else "mot17"
    return "classes"


def _some(names: dict[str, Path]) -> str:
    shown = ", ".join(list(names)[:3])
    return shown + (", ..." if len(names) > 3 else "")
