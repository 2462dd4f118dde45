"""Download what a model is made of, before a run needs it."""

from __future__ import annotations

import click

from detector.cli import Command


@click.command(cls=Command)
@click.argument("name")
def get(name: str) -> None:
    """Download the released weights NAME, such as yolov7-tiny, and print their path.

    They are kept in the cache, and a run with --model NAME finds them there. A bundled model needs
    no download.
    """
    from detector.weights.zoo import bundled_models, find_weights

    bundled = bundled_models()
    click.echo(bundled[name] if name in bundled else find_weights(name))
