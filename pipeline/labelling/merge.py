"""framelane labels merge: several sets of labels as one."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command
from pipeline.labelling.options import MEND, PATH


@click.command(cls=Command)
@click.argument("labels", type=PATH, nargs=-1, required=True)
@click.argument("output", type=PATH)
@MEND
def merge(labels: tuple[Path, ...], output: Path, mend: bool) -> None:
    """Write all clips of LABELS to OUTPUT, in the format of its ending.

    Classes are joined by name. A clip whose name occurs again gets a number. Images beside LABELS
    are copied into a folder or zip.
    """
    from detector.labels.merge import merged
    from pipeline.labelling.inputs import OwnImages, images_for, output_format, read_input
    from pipeline.labelling.outputs import write_outputs

    output_format(output)
    sets = [read_input(path, mend=mend) for path in labels]
    joined = merged(sets)
    names = iter(clip.name for clip in joined.clips)
    with OwnImages() as own:
        for path, each in zip(labels, sets, strict=True):
            own.add(path, {clip.name: next(names) for clip in each.clips})
        for path in write_outputs(joined, output, images_for(output, own)):
            click.echo(f"{path}: {len(joined.clips)} clips, {joined.box_count} boxes")
