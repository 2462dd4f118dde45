"""Score a model on labelled images."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli import Command
from detector.text_file import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.data.samples import Dataset
    from trainer.evaluation.average_precision import EvaluatedImage, Report

FILE = click.Path(path_type=Path)


@click.command(cls=Command)
@click.option("--model", type=FILE, required=True, help="A model or weights: a file, or a name.")
@click.option("--data", type=FILE, required=True, help="A recipe that names the data.")
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option(
    "--engine",
    help="The runtime, or auto for the fastest.  [default: torch for .safetensors, else openvino]",
)
@click.option(
    "--rectangular", is_flag=True, help="For .safetensors: pad each image as little as possible."
)
@click.option("--json", "json_file", type=FILE, help="Write the scores to this file, too.")
@click.option("--report", "page", type=FILE, help="Write a page of curves and images.")
def evaluate(
    model: Path,
    data: Path,
    split: str,
    engine: str | None,
    rectangular: bool,
    json_file: Path | None,
    page: Path | None,
) -> None:
    """Run a model on labelled images and print its average precision, per class and clip.

    The model is one that the pipeline can run, or weights.
    """
    from rich.console import Console

    from trainer.commands.same_classes import refuse_other_classes
    from trainer.commands.tables import print_scores
    from trainer.data.data_errors import Findings
    from trainer.data.datasets import load_evaluation_data
    from trainer.evaluation.average_precision import score
    from trainer.evaluation.evaluate import evaluate_images, open_model
    from trainer.recipe import load_recipe

    described = load_recipe(data).data
    parts = described.train if split == "train" else described.val
    with open_model(model, engine, rectangular=rectangular) as opened:
        refuse_other_classes(model, opened.class_names, data, described.classes)
        images = load_evaluation_data(parts, described.classes, Findings(described.mistakes))
        click.echo(f"{split} data: {images.counts}")
        evaluated = evaluate_images(opened, images)
    report = score(evaluated, described.classes)
    print_scores(Console(), f"{model} on {split} of {data}", report)
    if page:
        _write_page(page, f"{model} on {split} of {data}", images, evaluated, report)
    if json_file:
        write_text(json_file, json.dumps(asdict(report), indent=2) + "\n", "--json")


def _write_page(
    path: Path, title: str, images: Dataset, evaluated: Sequence[EvaluatedImage], report: Report
) -> None:
    from detector.html_page import Page
    from trainer.evaluation.analysis import analyse
    from trainer.report.sections import add_accuracy, add_versions, add_worst

    page, analysis = Page(title), analyse(evaluated, report.class_names)
    add_accuracy(page, report, analysis)
    add_worst(page, images, evaluated, analysis, report.class_names)
    add_versions(page, {})
    page.write(path)
