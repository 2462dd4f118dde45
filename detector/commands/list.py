"""Models by name: bundled ones, official weights, and the networks that models are made of."""

from __future__ import annotations

import click

from detector.cli import Command


@click.command("list", cls=Command)
def list_() -> None:
    """Print the bundled models, the official weights, and the networks that models are made of."""
    from detector.commands.describe import describe_cost, describe_model, describe_published
    from detector.manifest import Manifest
    from detector.weights.release import RELEASED
    from detector.weights.zoo import bundled_models
    from detector.yolov7.description import network_names, read_description

    click.echo("models (--model NAME):")
    for name, model in bundled_models().items():
        click.echo(f"  {name:<16} {describe_model(Manifest.beside(model), model)}")
    click.echo(
        "official weights (--model NAME, downloaded once; AP on COCO test-dev, as published):"
    )
    for name in RELEASED:
        click.echo(f"  {name:<19} {describe_published(name)}")
    click.echo("networks (deployed, 80 classes; the paper's figures in brackets):")
    for name in network_names():
        click.echo(f"  {name:<16} {describe_cost(read_description(name))}")
