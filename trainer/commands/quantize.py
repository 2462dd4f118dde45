"""The INT8 files of a model, calibrated and scored on labelled images."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command


@click.command(cls=Command, renamed={"--most-lost": "--max-lost"})
@click.argument("model")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="A recipe that names the data.",
)
@click.option(
    "--max-lost",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Largest loss of AP50 that is accepted for a class.",
)
def quantize(model: str, data: Path, max_lost: float) -> None:
    """Make the INT8 models of MODEL beside it, and print what they lose.

    They are calibrated on the training images of DATA, and scored on its validation images. One
    that drifts from MODEL, or loses too much, is refused, and nothing is kept.
    """
    from rich.console import Console

    from detector.commands.describe import describe_int8
    from detector.int8.calibration import load_nncf
    from detector.manifest import Manifest
    from detector.progress import shown_progress
    from detector.weights.zoo import find_model
    from trainer.commands.same_classes import refuse_other_classes
    from trainer.commands.tables import print_lost
    from trainer.data.data_errors import Findings
    from trainer.data.datasets import load_evaluation_data
    from trainer.quantize import quantise_on
    from trainer.recipe import load_recipe

    load_nncf()
    described, file = load_recipe(data).data, find_model(model)
    train, val = (
        load_evaluation_data(parts, described.classes, Findings(described.mistakes))
        for parts in (described.train, described.val)
    )
    refuse_other_classes(file, Manifest.beside(file).classes, data, described.classes)
    with shown_progress() as progress:
        made = quantise_on(file, train, val, max_lost, progress)
    for one in made:
        click.echo(describe_int8(one))
    print_lost(Console(), made)
