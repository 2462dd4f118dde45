"""Score a model on labelled images."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli import Command
from detector.errors import UsageError
from detector.text_file import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.data.samples import Dataset
    from trainer.evaluation.average_precision import EvaluatedImage, Report
    from trainer.evaluation.evaluate import Model

FILE = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("model_name", metavar="[MODEL]", required=False)
@click.option("--model", type=FILE, help="A model or weights: a file, or a name.")
@click.option("--data", type=FILE, help="A recipe that names the data.")
@click.option(
    "--labels",
    type=FILE,
    help="Instead of --data: labels of CVAT, COCO, YOLO, Label Studio or MOTChallenge.",
)
@click.option(
    "--video", type=FILE, help="The recording of --labels.  [default: the images beside them]"
)
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
    model_name: str | None,
    model: Path | None,
    data: Path | None,
    labels: Path | None,
    video: Path | None,
    split: str,
    engine: str | None,
    rectangular: bool,
    json_file: Path | None,
    page: Path | None,
) -> None:
    """Run a model on labelled images and print its average precision, per class and clip.

    The model is one that the pipeline can run, or weights. Of --labels, classes are compared by
    name; objects of classes that the model does not know are left out.
    """
    from rich.console import Console

    from trainer.commands.tables import print_scores
    from trainer.evaluation.average_precision import score
    from trainer.evaluation.evaluate import evaluate_images, open_model

    model = model or (Path(model_name) if model_name else None)
    if model is None:
        raise UsageError("no model given: give MODEL, a file or a name")
    if (data is None) == (labels is None):
        raise UsageError("give either --data RECIPE or --labels LABELS, which the model is to find")
    with open_model(model, engine, rectangular=rectangular) as opened:
        if data is not None:
            title, images, classes = _of_recipe(data, split, model, opened)
        else:
            assert labels is not None
            title, images, classes = _of_labels(labels, video, opened)
        evaluated = evaluate_images(opened, images)
    report = score(evaluated, classes)
    print_scores(Console(), f"{model} on {title}", report)
    if page:
        _write_page(page, f"{model} on {title}", images, evaluated, report)
    if json_file:
        write_text(json_file, json.dumps(asdict(report), indent=2) + "\n", "--json")


def _of_recipe(
    recipe: Path, split: str, model: Path, opened: Model
) -> tuple[str, Dataset, Sequence[str]]:
    """Return what is evaluated in words, its images, and the classes."""
    from trainer.commands.same_classes import refuse_other_classes
    from trainer.data.data_errors import Findings
    from trainer.data.datasets import load_evaluation_data
    from trainer.recipe import load_recipe

    described = load_recipe(recipe).data
    parts = described.train if split == "train" else described.val
    refuse_other_classes(model, opened.class_names, recipe, described.classes)
    images = load_evaluation_data(parts, described.classes, Findings(described.mistakes))
    click.echo(f"{split} data: {images.counts}")
    return f"{split} of {recipe}", images, described.classes


def _of_labels(
    labels: Path, video: Path | None, opened: Model
) -> tuple[str, Dataset, Sequence[str]]:
    """Return what is evaluated in words, its images, and the classes."""
    from trainer.evaluation.labelled import load_labelled

    found = load_labelled(labels, opened.class_names, video=video)
    click.echo(f"labels: {found.images.counts}")
    if found.unknown:
        click.echo(f"left out, unknown to the model: {', '.join(found.unknown)}", err=True)
    for line in found.mistakes:
        click.echo(f"mended or left out: {line}", err=True)
    return str(labels), found.images, found.classes


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
