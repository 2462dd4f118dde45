"""Draw the batches that the network sees."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command


@click.command(cls=Command)
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), default="batches.jpg", show_default=True)
@click.option("--batches", "count", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--epoch", type=click.IntRange(min=1), default=1, show_default=True)
def show(recipe: Path, output: Path, count: int, epoch: int) -> None:
    """Draw the first batches of an epoch of RECIPE, as the network sees them, with their boxes."""
    from itertools import islice

    from trainer.augment.augmenter import Augmenter
    from trainer.data.batches import batch_count, batches
    from trainer.data.data_errors import Findings
    from trainer.data.datasets import load_training_data
    from trainer.recipe import load_recipe
    from trainer.report.contact_sheet import contact_sheet, write_image

    described = load_recipe(recipe)
    classes = described.data.classes
    options = described.augment.with_published_defaults(described.network)
    data = load_training_data(described.data.train, classes, Findings(described.data.mistakes))
    click.echo(f"training data: {data.counts}")
    images = Augmenter(data, described.size, options, described.seed)
    made = batches(images, described.batch, seed=described.seed, epoch=epoch - 1, workers=0)
    shown = list(islice(made, count))
    write_image(output, contact_sheet(shown, classes))
    batches_in_all = batch_count(len(images), described.batch)
    click.echo(f"{output}: {len(shown)} of {batches_in_all} batches of epoch {epoch}")
