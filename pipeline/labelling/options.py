"""Options that the commands about labels share. Imports nothing slow."""

from __future__ import annotations

from pathlib import Path

import click

PATH = click.Path(path_type=Path)
VIDEO = click.option(
    "--video",
    "videos",
    multiple=True,
    help="The recording of the labels, for what they do not say: size, frame rate, times; may be "
    "repeated, for clips of the same names.",
)
MEND = click.option(
    "--mend", is_flag=True, help="Mend mistakes in the labels or leave them out; each is shown."
)
