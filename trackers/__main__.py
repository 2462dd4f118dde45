"""python -m trackers: track detections from a file, and say how good tracks are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from detector.command_line import Commands
from detector.errors import UsageError
from trackers import TRACKERS, make_tracker
from trackers.evaluate import Evaluation
from trackers.evaluate import evaluate as evaluate_rows
from trackers.ignore import read_ignore, without_ignored
from trackers.mot import MotRows, mot_lines, read_mot

FILE = click.Path(path_type=Path)


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
def main() -> None:
    """Boxes over time in, identities out."""


@main.command()
@click.option("--detections", type=FILE, required=True, help="MOTChallenge text: boxes, scores.")
@click.option("--output", type=FILE, required=True, help="MOTChallenge text to write.")
@click.option("--tracker", default="bytetrack", help=f"One of: {', '.join(TRACKERS)}.")
@click.option("--frame-rate", type=click.FloatRange(0, min_open=True), default=30.0)
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Of the tracker.")
def run(
    detections: Path, output: Path, tracker: str, frame_rate: float, options: tuple[str, ...]
) -> None:
    """Track the detections of one sequence, all of one class, and write the confirmed tracks."""
    rows = read_mot(detections, with_classes=False)
    tracks = make_tracker(tracker, **dict(map(_option, options)))
    last = rows.frames[-1] if len(rows) else 0
    lines = [
        mot_lines(k, tracks.update(rows.at(k + 1).detections(), k / frame_rate))
        for k in range(last)
    ]
    _write(output, "".join(lines))


@main.command()
@click.option("--gt", type=FILE, required=True, help="Ground truth, MOTChallenge text.")
@click.option("--results", type=FILE, required=True, help="Tracks, MOTChallenge text.")
@click.option("--ignore", type=FILE, help="Unlabelled regions: first_frame,last_frame,x,y,w,h.")
@click.option("--frames", metavar="A-B", help="Frames to look at, from 1, both included.")
@click.option("--agnostic", is_flag=True, help="One class: column 8 is not looked at.")
@click.option("--json", "json_file", type=FILE, help="Write the scores there, too.")
def evaluate(
    gt: Path,
    results: Path,
    ignore: Path | None,
    frames: str | None,
    agnostic: bool,
    json_file: Path | None,
) -> None:
    """Compare tracks with ground truth: MOTA, IDF1 and what they are made of.

    Classes are those of column 8 in both files, matched at an IoU of 0.5, and summed.
    """
    truth, found = (read_mot(path, with_classes=not agnostic) for path in (gt, results))
    if frames is not None:
        truth, found = (_within(rows, *_frame_range(frames)) for rows in (truth, found))
    if ignore is not None:
        found = without_ignored(truth, found, read_ignore(ignore))
    evaluation = evaluate_rows(truth, found)
    click.echo(_table(evaluation))
    if json_file is not None:
        _write(json_file, json.dumps(evaluation.as_json(), indent=2) + "\n")


def _option(given: str) -> tuple[str, Any]:
    """Return key and value of `key=value`: a number, true or false, or else text."""
    key, equals, value = given.partition("=")
    if not equals:
        raise UsageError(f"--option {given}: key=value is expected")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _frame_range(given: str) -> tuple[int, int]:
    first, _, last = given.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise UsageError(f"--frames {given}: A-B is expected, from 1, B not before A, as 251-459")
    return int(first), int(last)


def _within(rows: MotRows, first: int, last: int) -> MotRows:
    return rows[(rows.frames >= first) & (rows.frames <= last)]


def _table(evaluation: Evaluation) -> str:
    """Return a line for each class and one for all."""
    lines = [f"{'class':>8}{'MOTA':>8}{'IDF1':>8}{'IDsw':>7}{'Frag':>7}{'FP':>7}{'FN':>7}{'GT':>8}"]
    rows = {str(class_id): scores for class_id, scores in evaluation.classes.items()}
    for name, s in {**rows, "all": evaluation.overall}.items():
        rates = "".join(f"{'-' if r is None else format(r, '.4f'):>8}" for r in (s.mota, s.idf1))
        counts = f"{s.switches:>7}{s.fragments:>7}{s.false_positives:>7}{s.misses:>7}{s.objects:>8}"
        lines.append(f"{name:>8}{rates}{counts}")
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    main(prog_name="python -m trackers")
