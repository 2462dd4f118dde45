"""framelane labels convert: labels in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from detector.cli import Command
from pipeline.labelling.options import MEND, PATH, VIDEO


@click.command(cls=Command)
@click.argument("labels", type=PATH)
@click.argument("output", type=PATH)
@VIDEO
@click.option(
    "--images",
    type=click.Choice(["jpg", "png"]),
    help="Write the labelled frames of --video, too, into a folder or zip.  [default: the images "
    "that are beside LABELS]",
)
@click.option(
    "--every", type=click.IntRange(1), default=1, show_default=True, help="Take each k-th frame."
)
@click.option("--only-objects", is_flag=True, help="Leave frames without objects out.")
@MEND
def convert(
    labels: Path,
    output: Path,
    videos: tuple[str, ...],
    images: Literal["jpg", "png"] | None,
    every: int,
    only_objects: bool,
    mend: bool,
) -> None:
    """Write LABELS to OUTPUT, in the format of its ending.

    LABELS is a file, a folder or a zip of CVAT, COCO, YOLO, Label Studio or MOTChallenge. Endings:
    .coco.json, .coco.zip, .cvat.xml, .cvat.zip, .yolo.zip, .yolo-track.zip, .labelstudio.json,
    .mot.zip; without .zip or .json a folder. {clip} and {split} in OUTPUT make a file for each.
    What OUTPUT cannot say is shown. Mistakes end the command, and nothing is written.
    """
    from detector.errors import UsageError
    from detector.labels.thin import thinned
    from pipeline.labelling.inputs import OwnImages, images_for, output_format, read_input
    from pipeline.labelling.outputs import write_outputs
    from pipeline.labelling.recordings import by_clip, images_from

    output_format(output)
    if images and not videos:
        raise UsageError(f"--images {images} given: give --video, which has the frames")
    found = thinned(read_input(labels, videos, mend=mend), every=every, only_objects=only_objects)
    with OwnImages() as own:
        own.add(labels, {clip.name: clip.name for clip in found.clips})
        pictures = (
            images_from(by_clip(found, videos), images) if images else images_for(output, own)
        )
        for path in write_outputs(found, output, pictures):
            click.echo(f"{path}")
