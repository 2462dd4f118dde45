"""framelane labels select: the frames that a person should correct first."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import Command

FILE = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("labels", type=FILE)
@click.option("--video", required=True, help="The recording, or folder of pictures, of LABELS.")
@click.option(
    "--count", type=click.IntRange(1), default=60, show_default=True, help="How many frames."
)
@click.option(
    "--output",
    type=FILE,
    help="Write the labels of these frames, in the format of its ending; into a folder or zip with "
    "their images.",
)
def select(labels: Path, video: str, count: int, output: Path | None) -> None:
    """Choose the frames of a recording that are worth correcting, and print their numbers.

    LABELS are those of one recording, such as `framelane run` writes. Frames are chosen where
    scores are doubtful, where boxes appear or vanish from one frame to the next or were not seen,
    and where the picture differs from those that are chosen already. They are spread over time.
    The same labels and video give the same frames. Mistakes in LABELS are mended or left out, and
    shown.
    """
    from pipeline.labelling.inputs import read_input, show_losses
    from pipeline.selection.select import selected, written

    found = selected(read_input(labels, mend=True), video, count)
    click.echo("\n".join(map(str, found.clips[0].frames.tolist())))
    if output:
        show_losses(written(found, video, output), output)
