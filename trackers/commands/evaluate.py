"""Score tracks against ground truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from detector.cli import Command
from detector.text_file import write_text
from trackers.commands.frame_options import frame_choice, frame_options
from trackers.evaluation.report import RULES, evaluate_files, left_out, rules_used, table

FILE = click.Path(path_type=Path)


@click.command(cls=Command, renamed={"--agnostic": "--rules=mot15"})
@click.option("--gt", type=FILE, required=True, help="Ground truth: a file, or a folder of them.")
@click.option("--results", type=FILE, required=True, help="Tracks: a file, or a folder of them.")
@click.option("--ignore", type=FILE, help="Unlabelled regions: a file, or a folder of them.")
@click.option(
    "--rules",
    type=click.Choice(RULES),
    default="auto",
    show_default=True,
    help="Which boxes count (docs/tracking.md).",
)
@click.option(
    "--gt-file",
    default="gt.txt",
    show_default=True,
    help="Its name in NAME/gt/ of a folder, such as gt_val_half.txt.",
)
@frame_options
@click.option("--json", "json_file", type=FILE, help="Write the scores to this file, too.")
def evaluate(
    gt: Path,
    results: Path,
    ignore: Path | None,
    rules: str,
    gt_file: str,
    json_file: Path | None,
    **frames: Any,
) -> None:
    """Compare tracks with ground truth: HOTA, MOTA, IDF1 and their parts.

    All files are MOTChallenge text. Folders have NAME.txt, or NAME/gt/gt.txt for ground truth.
    """
    chosen = frame_choice(**frames)
    evaluation = evaluate_files(
        gt, results, ignore=ignore, rules=rules, gt_file=gt_file, frames=chosen
    )
    for line in left_out(gt, results, gt_file, evaluation):
        click.echo(line, err=True)
    for line in evaluation.warnings:
        click.echo(line, err=True)
    click.echo(rules_used(evaluation))
    click.echo(table(evaluation))
    if json_file is not None:
        write_text(json_file, json.dumps(evaluation.as_json(), indent=2) + "\n", "--json")
