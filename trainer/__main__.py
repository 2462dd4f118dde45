"""python -m trainer: train a network from a recipe, evaluate a model. Torch is imported late."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from detector.cli import Commands
from detector.errors import UsageError
from detector.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.int8.quantize import Quantised
    from trainer.data.samples import Dataset
    from trainer.evaluation.average_precision import Judged, Report, Score
    from trainer.recipe import Recipe

PathOption = click.Path(path_type=Path)


@click.group(cls=Commands)
def main() -> None:
    """Train YOLOv7 networks, and say what they are worth."""


@main.command()
@click.argument("recipe", type=PathOption)
@click.option("--output", type=PathOption, help="Folder of the run; default: runs/<recipe>.")
@click.option("--epochs", type=click.IntRange(min=1), help="In place of the recipe's.")
@click.option("--resume", is_flag=True, help="Go on from the last state in the folder.")
@click.option(
    "--export",
    "precision",
    type=click.Choice(["fp32", "int8"]),
    default="fp32",
    show_default=True,
    help="At the end; int8: INT8 models beside the one in fp32.",
)
def train(
    recipe: Path, output: Path | None, epochs: int | None, resume: bool, precision: str
) -> None:
    """Train as RECIPE (YAML) says, then export the best weights with their measured accuracy.

    INT8 models are for OpenVINO and for TensorRT, calibrated on the training data; one that drifts
    from the exported model, or loses more than 0.01 AP50 of a class, is refused.

    Ctrl-C saves and ends well; so does nothing else, but a killed run loses only the minutes since
    its last state. --resume goes on in both cases. Several processes share the work under
    `torchrun --nproc-per-node N -m trainer train ...`.
    """
    from detector.int8.calibration import load_nncf
    from trainer.console import Display
    from trainer.optim.distributed import is_first_process
    from trainer.recipe import load_recipe
    from trainer.train import train as run

    if precision == "int8":
        load_nncf()  # what is not installed is missed now, not in hours
    description = load_recipe(recipe, epochs=epochs)
    folder = output or Path("runs") / recipe.stem
    console = Console(quiet=not is_first_process())
    display = Display(console, description.epochs)
    finished = run(description, folder, display, resume=resume)
    if not is_first_process():
        return
    if not finished:
        click.echo(f"stopped and saved: --resume goes on ({folder})")
        return
    _export(description, folder, console, int8=precision == "int8")


def _export(recipe: Recipe, folder: Path, console: Console, *, int8: bool) -> None:
    """Make the models of a training that is over, and its page, even if INT8 is refused."""
    from detector.progress import shown_progress
    from trainer.data.data_errors import Findings
    from trainer.data.datasets import load_dataset
    from trainer.deliver import make_int8, make_product
    from trainer.train import BEST
    from trainer.training_report import write_training_page

    data = recipe.data
    train_data, val = (
        load_dataset(parts, data.classes, Findings(data.mistakes))
        for parts in (data.train, data.val)
    )
    products = [make_product(folder / BEST, folder / f"{folder.name}.onnx", val, recipe.nms_iou)]
    try:
        if int8:
            with shown_progress() as progress:
                products += make_int8(products[0], train_data, val, progress)
    finally:
        for product in products:
            print_scores(console, f"{product.model} on the validation data", product.report)
        click.echo(f"report: {write_training_page(folder, recipe, products, val)}")


@main.command()
@click.option("--model", type=PathOption, required=True, help="A file, or a name.")
@click.option("--data", type=PathOption, required=True, help="A recipe that names the data.")
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option("--engine", help="The runtime, or auto; default: torch for .safetensors, openvino.")
@click.option("--rectangular", is_flag=True, help="Pad no more than need be; for .safetensors.")
@click.option("--json", "json_file", type=PathOption, help="Write the scores there, too.")
@click.option("--report", "page", type=PathOption, help="Write a page of curves and pictures.")
def evaluate(
    model: Path,
    data: Path,
    split: str,
    engine: str | None,
    rectangular: bool,
    json_file: Path | None,
    page: Path | None,
) -> None:
    """Run a model over labelled pictures and print its average precision, per class and clip.

    The model is anything that the pipeline runs, or weights.
    """
    from trainer.data.data_errors import Findings
    from trainer.data.datasets import load_dataset
    from trainer.evaluation.average_precision import score
    from trainer.evaluation.evaluate import judge, open_model
    from trainer.recipe import load_recipe

    described = load_recipe(data).data
    parts = described.train if split == "train" else described.val
    with open_model(model, engine, rectangular=rectangular) as opened:
        _refuse_other_classes(model, opened.class_names, data, described.classes)
        pictures = load_dataset(parts, described.classes, Findings(described.mistakes))
        judged = judge(opened, pictures)
    report = score(judged, described.classes)
    print_scores(Console(), f"{model} on {split} of {data}", report)
    if page:
        _write_page(page, f"{model} on {split} of {data}", pictures, judged, report)
    if json_file:
        _write(json_file, json.dumps(asdict(report), indent=2) + "\n")


@main.command()
@click.argument("model")
@click.option("--data", type=PathOption, required=True, help="A recipe that names the data.")
@click.option(
    "--most-lost",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Of AP50, that a class may lose.",
)
def quantize(model: str, data: Path, most_lost: float) -> None:
    """Make the INT8 models of MODEL beside it, and say what they lose.

    They are calibrated on pictures that DATA trains on, and scored on those that it validates
    on. One that drifts from MODEL, or loses too much, is refused, and nothing is kept.
    """
    from detector.commands.build import describe
    from detector.int8.calibration import load_nncf
    from detector.progress import shown_progress
    from detector.weights.zoo import find_model
    from trainer.data.data_errors import Findings
    from trainer.data.datasets import load_dataset
    from trainer.quantize import quantise_on
    from trainer.recipe import load_recipe

    load_nncf()
    described, file = load_recipe(data).data, find_model(model)
    train, val = (
        load_dataset(parts, described.classes, Findings(described.mistakes))
        for parts in (described.train, described.val)
    )
    _refuse_other_classes(file, Manifest.beside(file).classes, data, described.classes)
    with shown_progress() as progress:
        made = quantise_on(file, train, val, most_lost, progress)
    for one in made:
        click.echo(describe(one))
    print_lost(Console(), made)


@main.command()
@click.argument("recipe", type=PathOption)
@click.option("--output", type=PathOption, default="batches.jpg", show_default=True)
@click.option("--batches", "count", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--epoch", type=click.IntRange(min=1), default=1, show_default=True)
def show(recipe: Path, output: Path, count: int, epoch: int) -> None:
    """Write what the network sees: the first batches of an epoch of RECIPE, with their boxes."""
    from itertools import islice

    from trainer.augment.augmenter import Augment
    from trainer.data.batches import batches
    from trainer.data.data_errors import Findings
    from trainer.data.datasets import load_dataset
    from trainer.recipe import load_recipe
    from trainer.report.contact_sheet import sheet, write_picture

    described = load_recipe(recipe)
    classes = described.data.classes
    options = described.augment.over_variant(described.network)
    data = load_dataset(described.data.train, classes, Findings(described.data.mistakes))
    pictures = Augment(data, described.size, options, described.seed)
    made = batches(pictures, described.batch, seed=described.seed, epoch=epoch - 1, workers=0)
    write_picture(output, sheet(list(islice(made, count)), classes))
    click.echo(f"{output}: {count} of {len(pictures) // described.batch} batches of epoch {epoch}")


def print_scores(console: Console, title: str, report: Report) -> None:
    """Print the scores as a table: over all pictures, then per clip."""
    table = Table(title=title)
    table.add_column("pictures of")
    table.add_column("class")
    for name in ("objects", "AP50", "AP75", "AP", "AR"):
        table.add_column(name, justify="right")
    for name, score in report.classes.items():
        table.add_row("all", name, *_cells(score))
    table.add_row("all", "mean", *_cells(report.mean), end_section=True)
    for clip, classes in report.clips.items():
        for name, score in classes.items():
            table.add_row(clip, name, *_cells(score))
    console.print(table)
    sizes = {"small": "ap_small", "medium": "ap_medium", "large": "ap_large"}
    of_size = {name: report.numbers.get(metric) for name, metric in sizes.items()}
    parts = [f"{name} {value:.3f}" for name, value in of_size.items() if value is not None]
    console.print(f"AP of objects by size: {', '.join(parts)}", highlight=False)


def print_lost(console: Console, made: Sequence[Quantised]) -> None:
    """Print the AP50 of a model and of the INT8 models that were made of it, by class."""
    table = Table(title="AP50")
    table.add_column("class")
    for name in ("float", *(one.runtime for one in made)):
        table.add_column(name, justify="right")
    numbers = [one.manifest.accuracy for one in made]
    for name in [name for name in numbers[0] if name.startswith("ap50")]:
        values = [numbers[0][f"float/{name}"], *(each[name] for each in numbers)]
        row = (name.partition("/")[2] or "mean", *(f"{value:.4f}" for value in values))
        table.add_row(*row)
    console.print(table)


def _refuse_other_classes(
    model: Path, known: Sequence[str], data: Path, labelled: Sequence[str]
) -> None:
    if tuple(known) != tuple(labelled):
        raise UsageError(
            f"{model} knows {', '.join(known)}, but {data} labels {', '.join(labelled)}: they "
            "must be the same"
        )


def _cells(score: Score) -> tuple[str, ...]:
    values = (score.ap50, score.ap75, score.ap, score.ar)
    return str(score.objects), *(f"{value:.3f}" for value in values)


def _write_page(
    path: Path, title: str, pictures: Dataset, judged: Sequence[Judged], report: Report
) -> None:
    from trainer.evaluation.analysis import analyse
    from trainer.report.html_page import Page
    from trainer.report.sections import add_accuracy, add_versions, add_worst

    page, analysis = Page(title), analyse(judged, report.class_names)
    add_accuracy(page, report, analysis)
    add_worst(page, pictures, judged, analysis, report.class_names)
    add_versions(page, {})
    page.write(path)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    main(prog_name="python -m trainer")
