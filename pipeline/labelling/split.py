"""framelane labels split: labels for training and for validation."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command
from pipeline.labelling.options import MEND, PATH

PART = click.FloatRange(0, 1, max_open=True)


@click.command(cls=Command)
@click.argument("labels", type=PATH)
@click.argument("output", type=PATH)
@click.option(
    "--val", type=PART, default=0.2, show_default=True, help="Part of the frames for validation."
)
@click.option("--test", type=PART, default=0.0, show_default=True, help="Part for a test.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which clips these are.")
@MEND
def split(labels: Path, output: Path, val: float, test: float, seed: int, mend: bool) -> None:
    """Split LABELS by clip, never by frame: neighbours in a video are almost the same.

    OUTPUT has the format of its ending. It holds {split}, for a file for each; a YOLO or COCO
    folder or zip holds all splits. Images beside LABELS are copied into a folder or zip.
    """
    from detector.errors import UsageError
    from detector.labels.formats import Format, Kind
    from detector.labels.split import split_by_clip
    from pipeline.labelling.inputs import OwnImages, images_for, output_format, read_input
    from pipeline.labelling.outputs import SPLIT, write_outputs

    written, kind = output_format(output)
    has_splits = written in (Format.YOLO, Format.YOLO_TRACK, Format.MOT) or (
        written is Format.COCO and kind is not Kind.FILE
    )
    if not has_splits and SPLIT not in str(output):
        raise UsageError(f"{output}: put {{split}} into the name, as in out/{{split}}.coco.json")
    found = split_by_clip(read_input(labels, mend=mend), {"val": val, "test": test}, seed)
    with OwnImages() as own:
        own.add(labels, {clip.name: clip.name for clip in found.clips})
        write_outputs(found, output, images_for(output, own))
    for part in ("train", "val", "test"):
        clips = [clip for clip in found.clips if clip.split == part]
        if clips:
            frames = sum(len(clip.frames) for clip in clips)
            names = ", ".join(clip.name for clip in clips)
            click.echo(f"{part}: {frames} frames of {len(clips)} clips: {names}")
