"""python -m trackers: track detections from files, and say how good tracks are."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from detector.cli import Commands
from detector.errors import UsageError
from trackers import TRACKERS, make_tracker
from trackers.evaluation.report import RULES, evaluate_files, left_out, table
from trackers.motchallenge.frame_choice import FrameChoice, read_ranges
from trackers.motchallenge.run import run_files

FILE = click.Path(path_type=Path)
Command = TypeVar("Command", bound=Callable[..., Any])


def frame_options(command: Command) -> Command:
    """Add the options that say which frames are looked at: the same for both commands."""
    for option in (
        click.option("--seed", type=int, default=0, help="Of the chance that --drop means."),
        click.option(
            "--drop",
            type=click.FloatRange(0, 1, max_open=True),
            default=0.0,
            help="Leave out this share of the frames, by chance.",
        ),
        click.option(
            "--keep-every", type=click.IntRange(1), default=1, help="Every k-th frame only."
        ),
        click.option(
            "--frames",
            "ranges",
            multiple=True,
            metavar="[NAME=]A-B",
            help="Frames of all sequences, or of one, from 1, both included.",
        ),
    ):
        command = option(command)
    return command


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
def main() -> None:
    """Boxes over time in, identities out."""


@main.command()
@click.option("--detections", type=FILE, required=True, help="Boxes and scores: a file or folder.")
@click.option("--output", type=FILE, required=True, help="Tracks: a file, or a folder for several.")
@click.option(
    "--tracker", default="lane", show_default=True, help=f"One of: {', '.join(TRACKERS)}."
)
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="Of the tracker.")
@click.option(
    "--frame-rate",
    type=click.FloatRange(0, min_open=True),
    help="[default: as in seqinfo.ini, else 30]",
)
@click.option("--camera-motion", type=FILE, help="Frame from 0 and six numbers of a 2x3, per line.")
@click.option("--classes", is_flag=True, help="Column 8 of detections is a class, from 0.")
@click.option(
    "--score-range",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    help="Scores that mean 0 and 1.  [default: 0 1]",
)
@click.option("--refine", is_flag=True, help="Afterwards, fill gaps and smooth: see column 9.")
@frame_options
def run(
    detections: Path,
    output: Path,
    tracker: str,
    options: tuple[str, ...],
    frame_rate: float | None,
    camera_motion: Path | None,
    classes: bool,
    score_range: tuple[float, float] | None,
    refine: bool,
    **frames: Any,
) -> None:
    """Track detections, and write the confirmed tracks.

    All texts are MOTChallenge's. Folders have NAME.txt or NAME/det/det.txt. Column 9 of the output
    says how a box came about: -1 tracked, 0 predicted, 1 smoothed, 2 filled in.
    """
    chosen = dict(map(_option, options))
    run_files(
        detections,
        output,
        lambda: make_tracker(tracker, **chosen),
        frame_rate=frame_rate,
        camera_motion=camera_motion,
        with_classes=classes,
        score_range=score_range,
        refine=refine,
        frames=_frame_choice(**frames),
        warn=partial(click.echo, err=True),
    )


@main.command()
@click.option("--gt", type=FILE, required=True, help="Ground truth: a file, or a folder of them.")
@click.option("--results", type=FILE, required=True, help="Tracks: a file, or a folder of them.")
@click.option("--ignore", type=FILE, help="Unlabelled regions: a file, or a folder of them.")
@click.option("--rules", type=click.Choice(RULES), default="auto", help="What counts, see docs.")
@click.option("--agnostic", is_flag=True, help="One class: the same as --rules mot15.")
@click.option("--gt-file", default="gt.txt", help="In NAME/gt/ of a folder, as gt_val_half.txt.")
@frame_options
@click.option("--json", "json_file", type=FILE, help="Write the scores there, too.")
def evaluate(
    gt: Path,
    results: Path,
    ignore: Path | None,
    rules: str,
    agnostic: bool,
    gt_file: str,
    json_file: Path | None,
    **frames: Any,
) -> None:
    """Compare tracks with ground truth: HOTA, MOTA, IDF1 and what they are made of.

    All texts are MOTChallenge's. Folders have NAME.txt, or of ground truth NAME/gt/gt.txt.
    """
    asked = "mot15" if agnostic else rules
    evaluation = evaluate_files(
        gt, results, ignore=ignore, rules=asked, gt_file=gt_file, frames=_frame_choice(**frames)
    )
    for line in left_out(gt, results, gt_file, evaluation):
        click.echo(line, err=True)
    click.echo(table(evaluation))
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


def _frame_choice(ranges: tuple[str, ...], keep_every: int, drop: float, seed: int) -> FrameChoice:
    return FrameChoice(read_ranges(ranges), keep_every, drop, seed)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    main(prog_name="python -m trackers")
