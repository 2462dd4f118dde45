"""Train a network from a recipe, then export the best weights and measure their accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli import Command
from detector.terminal import unfailing_output

if TYPE_CHECKING:
    from rich.console import Console

    from trainer.recipe import Recipe


@click.command(cls=Command)
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder to write.  [default: runs/<recipe>]"
)
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Number of epochs, in place of the recipe's."
)
@click.option("--resume", is_flag=True, help="Continue from the last checkpoint in the folder.")
@click.option(
    "--export",
    "precision",
    type=click.Choice(["fp32", "int8"]),
    default="fp32",
    show_default=True,
    help="Precision of the models to make at the end; int8: fp32 and INT8 models.",
)
def train(
    recipe: Path, output: Path | None, epochs: int | None, resume: bool, precision: str
) -> None:
    """Train a network from RECIPE (YAML), then export the best weights with their accuracy.

    RECIPE is a file, or the name of a shipped recipe. INT8 models are for OpenVINO and for
    TensorRT, calibrated on the training data; one that disagrees with the exported model, or
    loses more than 0.01 AP50 of a class, is refused.

    Ctrl-C or SIGTERM saves and stops. A killed run loses the work since its last checkpoint.
    --resume continues in both cases. Several processes share the work under `torchrun
    --nproc-per-node N -m trainer train ...`.
    """
    with unfailing_output():  # nobody may read it any more
        _train(recipe, output, epochs, resume=resume, precision=precision)


def _train(
    recipe: Path, output: Path | None, epochs: int | None, *, resume: bool, precision: str
) -> None:
    import cv2
    from rich.console import Console

    from detector.int8.calibration import load_nncf
    from trainer.console import Display
    from trainer.optim.distributed import is_first_process
    from trainer.recipe import load_recipe
    from trainer.train import train as run

    if precision == "int8":
        load_nncf()  # a missing package shows now, not in hours
    cv2.setNumThreads(1)  # threads of the trainer prepare the images
    description = load_recipe(recipe, epochs=epochs)
    folder = output or Path("runs") / recipe.stem
    console = Console(quiet=not is_first_process())
    display = Display(console, description.epochs)
    finished = run(description, folder, display, resume=resume, int8=precision == "int8")
    if not is_first_process():
        return
    if not finished:
        click.echo(f"stopped and saved: --resume continues ({folder})")
        return
    _export(description, folder, console, int8=precision == "int8")


def _export(recipe: Recipe, folder: Path, console: Console, *, int8: bool) -> None:
    """Make the models of a finished training and its page, even if INT8 is refused."""
    from detector.progress import shown_progress
    from trainer.commands.tables import print_scores
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
