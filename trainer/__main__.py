"""python -m trainer: train a network from a recipe, evaluate a model. Torch is imported late."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from detector.command_line import Commands
from detector.errors import UsageError

if TYPE_CHECKING:
    from trainer.score import Report, Score

PathOption = click.Path(path_type=Path)


@click.group(cls=Commands)
def main() -> None:
    """Train YOLOv7 networks, and say what they are worth."""


@main.command()
@click.argument("recipe", type=PathOption)
@click.option("--output", type=PathOption, help="Folder of the run; default: runs/<recipe>.")
@click.option("--epochs", type=click.IntRange(min=1), help="In place of the recipe's.")
@click.option("--resume", is_flag=True, help="Go on from the last state in the folder.")
def train(recipe: Path, output: Path | None, epochs: int | None, resume: bool) -> None:
    """Train as RECIPE (YAML) says, then export the best weights with their measured accuracy.

    Ctrl-C saves and ends well; so does nothing else, but a killed run loses only the minutes since
    its last state. --resume goes on in both cases. Several processes share the work under
    `torchrun --nproc-per-node N -m trainer train ...`.
    """
    from trainer.data import load_dataset
    from trainer.display import Display
    from trainer.product import make_product
    from trainer.ranks import is_first_process
    from trainer.recipe import load_recipe
    from trainer.train import BEST
    from trainer.train import train as run

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
    val = load_dataset(description.data.val, description.data.classes)
    model = folder / f"{folder.name}.onnx"
    report = make_product(folder / BEST, model, val, description.nms_iou)
    print_scores(console, f"{model} on the validation data", report)


@main.command()
@click.option("--model", type=PathOption, required=True, help="An .onnx or .safetensors file.")
@click.option("--data", type=PathOption, required=True, help="A recipe that names the data.")
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option("--json", "json_file", type=PathOption, help="Write the scores there, too.")
def evaluate(model: Path, data: Path, split: str, json_file: Path | None) -> None:
    """Run a model over labelled pictures and print its average precision, per class and clip."""
    from trainer.data import load_dataset
    from trainer.evaluate import evaluate as run
    from trainer.evaluate import open_model
    from trainer.recipe import load_recipe

    described = load_recipe(data).data
    parts = described.train if split == "train" else described.val
    with open_model(model) as opened:
        if opened.class_names != described.classes:
            raise UsageError(
                f"{model} knows {', '.join(opened.class_names)}, "
                f"but {data} labels {', '.join(described.classes)}: they must be the same"
            )
        pictures = load_dataset(parts, described.classes)
        report = run(opened, pictures)
    print_scores(Console(), f"{model} on {split} of {data}", report)
    if json_file:
        _write(json_file, json.dumps(asdict(report), indent=2) + "\n")


@main.command()
@click.argument("recipe", type=PathOption)
@click.option("--output", type=PathOption, default="batches.jpg", show_default=True)
@click.option("--batches", "count", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--epoch", type=click.IntRange(min=1), default=1, show_default=True)
def show(recipe: Path, output: Path, count: int, epoch: int) -> None:
    """Write what the network sees: the first batches of an epoch of RECIPE, with their boxes."""
    from itertools import islice

    from trainer.augment import Augment
    from trainer.batches import batches
    from trainer.data import load_dataset
    from trainer.recipe import load_recipe
    from trainer.sheet import sheet, write_picture

    described = load_recipe(recipe)
    classes = described.data.classes
    options = described.augment.over_variant(described.network)
    data = load_dataset(described.data.train, classes)
    pictures = Augment(data, described.size, options, described.seed)
    made = batches(pictures, described.batch, seed=described.seed, epoch=epoch - 1, workers=0)
    write_picture(output, sheet(list(islice(made, count)), classes))
    click.echo(f"{output}: {count} of {len(pictures) // described.batch} batches of epoch {epoch}")


def print_scores(console: Console, title: str, report: Report) -> None:
    """Print the scores as a table: over all pictures, then per clip."""
    table = Table(title=title)
    table.add_column("pictures of")
    table.add_column("class")
    for name in ("objects", "AP50", "AP75", "AP", "small", "medium", "large", "AR"):
        table.add_column(name, justify="right")
    for name, score in report.classes.items():
        table.add_row("all", name, *_cells(score))
    table.add_row("all", "mean", *_cells(report.mean), end_section=True)
    for clip, classes in report.clips.items():
        for name, score in classes.items():
            table.add_row(clip, name, *_cells(score))
    console.print(table)


def _cells(score: Score) -> tuple[str, ...]:
    sizes = (score.ap_small, score.ap_medium, score.ap_large)
    values = (score.ap50, score.ap75, score.ap, *sizes, score.ar)
    return str(score.objects), *("-" if value is None else f"{value:.3f}" for value in values)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    main(prog_name="python -m trainer")
