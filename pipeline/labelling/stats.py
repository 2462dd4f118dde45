"""framelane labels stats: numbers about labels."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from detector.cli import Command
from pipeline.labelling.options import PATH, VIDEO

WIDE = 1000  # columns of a file or pipe, where no line needs to be broken


@click.command(cls=Command)
@click.argument("labels", type=PATH)
@VIDEO
@click.option("--json", "json_file", type=PATH, help="Write the numbers to this file, too.")
def stats(labels: Path, videos: tuple[str, ...], json_file: Path | None) -> None:
    """Print how many frames, boxes, tracks and objects of each class LABELS have, by clip.

    Mistakes in LABELS are left out or mended, and shown. `side` is the median of the square roots
    of areas, in pixels.
    """
    from rich.console import Console
    from rich.table import Table

    from detector.labels.counts import counts
    from detector.text_file import write_text
    from pipeline.labelling.inputs import read_input

    found = read_input(labels, videos, mend=True)
    numbers = counts(found)
    table = Table()
    for name in ("clip", "split"):
        table.add_column(name, overflow="fold")
    numbered = ("frames", "with objects", "boxes", "tracks", "side", *found.classes)
    for name in numbered:
        table.add_column(name, justify="right", overflow="fold")
    for name, clip in [*numbers["clips"].items(), ("all", numbers["all"])]:
        keys = ("frames", "frames_with_objects", "boxes", "tracks")
        cells = [str(clip[key]) for key in keys]
        side = clip.get("median_side")
        table.add_row(
            name,
            clip.get("split", ""),
            *cells,
            "" if side is None else f"{side:g}",
            *(str(clip["classes"][each]) for each in found.classes),
        )
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width).print(table)
    if json_file:
        write_text(json_file, json.dumps(numbers, indent=2) + "\n", "--json")
